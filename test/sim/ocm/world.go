package ocm

import (
	"fmt"
	"time"
)

// Statuses of rotations and transfers.
const (
	StatusPending   = "pending"
	StatusAccepted  = "accepted"
	StatusCompleted = "completed"
	StatusExpired   = "expired"
)

// AccountSpec describes an account to create; the zero value is a person.
type AccountSpec struct {
	// Username is "user-1", "user-2" ... by default.
	Username string
	// Email is unique by default, and a canary.
	Email string
	// Organization groups accounts that see each other's subscriptions; all are in "org-1" by default.
	Organization string
	// ServiceAccount marks an account that is not a person's.
	ServiceAccount bool
}

// Account is an account for tests.
type Account struct {
	ID             string `json:"id"`
	Username       string `json:"username"`
	Email          string `json:"email"`
	ServiceAccount bool   `json:"serviceAccount"`
}

type account struct {
	id, username, email string
	lastName            string
	organization        string
	serviceAccount      bool
	banned              bool
	forbidsOffline      bool
	created             time.Time
	clientID, secret    string
	registered          int // clusters that it got by cluster_registrations
	generations         []*generation
}

type rotation struct {
	id               string
	account          *account
	status           string
	created, updated time.Time
	// old and issued are the generations before and after the first pass; issued is nil until then.
	old    []*generation
	issued *generation
	// abandoned is a record that the service no longer works on, regardless of its status.
	abandoned bool
	hideTimes bool
}

type transfer struct {
	id               string
	cluster          *cluster
	rotation         *rotation
	status           string
	secret           string
	created, updated time.Time
	expires          time.Time // virtual
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// AddAccount creates an account with a first set of registry credentials.
func (s *Sim) AddAccount(spec AccountSpec) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&spec.Username, fmt.Sprintf("user-%d", len(s.accounts)+1))
	if spec.Email == "" {
		local := random(16, letters)
		spec.Email = local + "@people.example"
		s.private = append(s.private, local)
	}
	setDefault(&spec.Organization, "org-1")
	a := &account{
		id: s.newID(), username: spec.Username, email: spec.Email, lastName: random(16, letters), organization: spec.Organization,
		serviceAccount: spec.ServiceAccount, created: s.stamp(),
	}
	s.private = append(s.private, a.lastName)
	s.accounts = append(s.accounts, a)
	s.issue(a).registered = true
	return Account{ID: a.id, Username: a.username, Email: a.email, ServiceAccount: a.serviceAccount}
}

// Ban bans the account from the API, or allows it again.
func (s *Sim) Ban(accountID string, banned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustAccount(accountID).banned = banned
}

func (s *Sim) account(id string) *account {
	for _, a := range s.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// mustAccount panics for an unknown id, which is a mistake of the test.
func (s *Sim) mustAccount(id string) *account {
	a := s.account(id)
	if a == nil {
		panic(fmt.Sprintf("the OCM simulator has no account %q", id))
	}
	return a
}

func (s *Sim) cluster(id string) *cluster {
	for _, c := range s.clusters {
		if c.id == id {
			return c
		}
	}
	return nil
}

// Rotation is the state of a rotation as a test sees it.
type Rotation struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account"`
	Status    string    `json:"status"`
	Issued    bool      `json:"issued"` // the first pass is over: new credentials exist
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Rotations returns the rotations of the account, oldest first.
func (s *Sim) Rotations(accountID string) []Rotation {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Rotation
	for _, r := range s.rotations {
		if r.account.id == accountID {
			out = append(out, r.view())
		}
	}
	return out
}

func (r *rotation) view() Rotation {
	return Rotation{ID: r.id, AccountID: r.account.id, Status: r.status, Issued: r.issued != nil,
		CreatedAt: r.created, UpdatedAt: r.updated}
}

// Transfer is the state of a transfer as a test sees it, without its secret.
type Transfer struct {
	ID         string `json:"id"`
	ClusterID  string `json:"cluster"`
	RotationID string `json:"rotation"`
	Status     string `json:"status"`
	// ExpiresAt is virtual time.
	ExpiresAt time.Time `json:"expiresAt"`
}

// Transfers returns the transfers of a cluster, oldest first.
func (s *Sim) Transfers(clusterID string) []Transfer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Transfer
	for _, t := range s.transfers {
		if t.cluster.id == clusterID {
			out = append(out, t.view())
		}
	}
	return out
}

func (t *transfer) view() Transfer {
	return Transfer{ID: t.id, ClusterID: t.cluster.id, RotationID: t.rotation.id, Status: t.status, ExpiresAt: t.expires}
}
