package ocm

import (
	"fmt"
	"time"
)

// Record is a rotation as the API shows it. OCM's list may contain failed, cancelled and very old rotations, and undocumented statuses.
type Record struct {
	// ID is a new one for the time of CreatedAt by default. An edit does not change it.
	ID string `json:"id"`
	// Status is shown as it is, also when it is empty.
	Status string `json:"status"`
	// CreatedAt and UpdatedAt are now, and the time of the creation, by default.
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// HideTimes omits created_at and updated_at, which the contract does not require. The id still contains the time.
	HideTimes bool `json:"hideTimes"`
}

// AddRecord adds a rotation that the service ignores to an account's list, and returns its id.
func (s *Sim) AddRecord(accountID string, rec Record) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mustAccount(accountID)
	setDefault(&rec.CreatedAt, s.stamp())
	setDefault(&rec.UpdatedAt, rec.CreatedAt)
	setDefault(&rec.ID, s.idOf(rec.CreatedAt))
	r := &rotation{id: rec.ID, account: a, abandoned: true}
	r.show(rec)
	s.rotations = append(s.rotations, r)
	return r.id
}

// EditRecord changes how a rotation is shown. The service's actions stay the same: see Abandon.
func (s *Sim) EditRecord(rotationID string, change func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustRotation(rotationID)
	rec := Record{ID: r.id, Status: r.status, CreatedAt: r.created, UpdatedAt: s.stamp(), HideTimes: r.hideTimes}
	change(&rec)
	r.show(rec)
}

// Abandon ends a rotation with a status such as "failed": the service no longer works on it. The credentials
// that it has issued stay valid beside the old ones.
func (s *Sim) Abandon(rotationID, status string) {
	s.EditRecord(rotationID, func(rec *Record) { rec.Status = status })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustRotation(rotationID).abandoned = true
}

// DeleteRecord deletes a rotation, as a person can.
func (s *Sim) DeleteRecord(rotationID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteRotation(s.mustRotation(rotationID))
}

func (r *rotation) show(rec Record) {
	r.status, r.created, r.updated, r.hideTimes = rec.Status, rec.CreatedAt, rec.UpdatedAt, rec.HideTimes
}

// mustRotation panics for an unknown id, as mustAccount does.
func (s *Sim) mustRotation(id string) *rotation {
	for _, r := range s.rotations {
		if r.id == id {
			return r
		}
	}
	panic(fmt.Sprintf("the OCM simulator has no rotation %q", id))
}

// SetTransferEnd moves the end, in virtual time, of a cluster's open transfers. One in the past expires at once.
func (s *Sim) SetTransferEnd(clusterID string, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.transfers {
		if t.cluster.id == clusterID && t.open() {
			t.expires = end.UTC()
		}
	}
	s.expire()
}

// DeleteCredentials deletes all registry credentials of an account, including the newest, as Red Hat's support can. POST
// access_token then issues new ones, as the service does whenever some are missing.
func (s *Sim) DeleteCredentials(accountID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.mustAccount(accountID).generations {
		g.kill(s.virtual())
	}
}

// Revoke deletes one of the sets of PullSecrets, at some registries or at all when none is named. OCM does that at the end of
// a rotation; to do it earlier or at one registry only is a fault. A negative set counts from the newest, which is -1.
func (s *Sim) Revoke(accountID string, set int, registries ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.mustAccount(accountID).generations
	if set < 0 {
		set += len(all)
	}
	all[set].kill(s.virtual(), registries...)
}

// PullSecrets returns every pull secret that was ever issued to the account, oldest first, including dead ones.
func (s *Sim) PullSecrets(accountID string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out [][]byte
	for _, g := range s.mustAccount(accountID).generations {
		out = append(out, g.document())
	}
	return out
}
