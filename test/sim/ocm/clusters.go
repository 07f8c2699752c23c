package ocm

import (
	"fmt"
	"time"
)

// Statuses of a subscription in the contract.
const (
	SubscriptionActive        = "Active"
	SubscriptionArchived      = "Archived"
	SubscriptionDeprovisioned = "Deprovisioned"
	SubscriptionDisconnected  = "Disconnected"
	SubscriptionStale         = "Stale"
)

// Mode is how a cluster behaves when its account's pull secret is rotated.
type Mode string

const (
	// Driven does nothing by itself: the test reports with Telemetry, or gives ClusterSpec.Token. The default.
	Driven Mode = ""
	// SwitchesSoon applies new credentials before its next telemetry.
	SwitchesSoon Mode = "SwitchesSoon"
	// NeverSwitches keeps reporting with the credentials it was installed with.
	NeverSwitches Mode = "NeverSwitches"
	// InsightsOperator fetches its accepted transfer every 12 hours and applies it.
	InsightsOperator Mode = "InsightsOperator"
)

// Modes lists them.
func Modes() []Mode { return []Mode{Driven, SwitchesSoon, NeverSwitches, InsightsOperator} }

// Quoted from the service: "telemetry calls cluster_registration every 6 hours and Insights Operator rotates
// the pull secret every 12 hours".
const (
	telemetryInterval = 6 * time.Hour
	insightsInterval  = 12 * time.Hour
)

// ClusterSpec describes a cluster to create.
type ClusterSpec struct {
	// ID is the cluster's UUID (ClusterVersion spec.clusterID); default: a new one.
	ID string
	// Name is the display name; "cluster-1", "cluster-2" ... by default.
	Name string
	// Mode is how it behaves.
	Mode Mode
	// Status of its subscription; Active by default.
	Status string
	// TransferLife is how long its transfers can be completed; Options.TransferLife by default.
	TransferLife time.Duration
	// Token, for a driven cluster, returns the cloud.openshift.com auth of its telemetry, so that a real
	// cluster's Secret can be used in virtual time. It is called with the Sim locked: it must not call the Sim.
	Token func() string
}

type cluster struct {
	id, name       string
	subscriptionID string
	account        *account
	mode           Mode
	status         string
	created        time.Time
	token          func() string
	transferLife   time.Duration

	auth                    string // the pull secret of a cluster that is not driven
	nextTelemetry, nextPoll time.Time
	lastTelemetry           time.Time
	lastError               error
}

// AddCluster creates a cluster of the account, installed with its current pull secret, and returns its UUID.
func (s *Sim) AddCluster(accountID string, spec ClusterSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addCluster(s.mustAccount(accountID), spec).id
}

func (s *Sim) addCluster(a *account, spec ClusterSpec) *cluster {
	setDefault(&spec.ID, newUUID())
	setDefault(&spec.Name, fmt.Sprintf("cluster-%d", len(s.clusters)+1))
	setDefault(&spec.Status, SubscriptionActive)
	setDefault(&spec.TransferLife, s.opts.TransferLife)
	now, stamp := s.virtual(), s.stamp()
	c := &cluster{
		id: spec.ID, name: spec.Name, subscriptionID: s.newID(), account: a, mode: spec.Mode, status: spec.Status,
		token: spec.Token, transferLife: spec.TransferLife, created: stamp, auth: a.current().logins[CloudOpenShift].auth(),
		// One and two hours after the batches, so that no two events have the same time.
		nextTelemetry: now.Add(time.Hour), nextPoll: now.Add(2 * time.Hour), lastTelemetry: stamp,
	}
	s.clusters = append(s.clusters, c)
	return c
}

// SetSubscriptionStatus changes the status of a cluster's subscription, to Archived for example.
func (s *Sim) SetSubscriptionStatus(clusterID, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.cluster(clusterID); c != nil {
		c.status = status
	}
}

// MoveCluster moves a cluster to another account, as a transfer of its ownership does.
func (s *Sim) MoveCluster(clusterID, accountID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.cluster(clusterID); c != nil {
		c.account = s.mustAccount(accountID)
	}
}

// TelemetryError returns the error of the last telemetry of a cluster that reports by itself.
func (s *Sim) TelemetryError(clusterID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.cluster(clusterID); c != nil {
		return c.lastError
	}
	return nil
}

func (c *cluster) reports() bool {
	return c.status == SubscriptionActive && (c.mode != Driven || c.token != nil)
}

func (c *cluster) hasInsights() bool {
	return c.status == SubscriptionActive && c.mode == InsightsOperator
}

// clusterReports is the telemetry of a cluster that reports by itself.
func (s *Sim) clusterReports(c *cluster) {
	switch {
	case c.token != nil:
		c.auth = c.token()
	case c.mode == SwitchesSoon:
		c.auth = c.account.current().logins[CloudOpenShift].auth()
	}
	c.lastError = s.telemetry(c, c.auth)
}

// insightsPoll does what insights-operator does: it lists the cluster's accepted transfers with the cluster's own token,
// refuses several, and applies the secret of a single one.
func (s *Sim) insightsPoll(c *cluster) {
	if s.byCloudAuth(c.auth) == nil {
		return // its own token is dead, so it can fetch nothing
	}
	s.expire()
	var accepted []*transfer
	for _, t := range s.transfers {
		if t.cluster == c && t.status == StatusAccepted {
			accepted = append(accepted, t)
		}
	}
	if len(accepted) == 1 {
		c.auth = accepted[0].rotation.issued.logins[CloudOpenShift].auth()
	}
}
