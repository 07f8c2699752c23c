package decide

import (
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Timing has the intervals of polls and the deadlines of waits. The defaults suit the real services; tests and the demo, whose services are
// quicker, set shorter ones.
type Timing struct {
	// PollMin and PollMax bound the interval between polls of OCM while waiting for new credentials; RevokePollMin and RevokePollMax, while
	// waiting for the end of the old ones.
	PollMin, PollMax             time.Duration
	RevokePollMin, RevokePollMax time.Duration
	// PoolPoll is the interval between polls of the MachineConfigPools during a roll-out.
	PoolPoll time.Duration
	// OCMTimeout bounds one request to OCM.
	OCMTimeout time.Duration
	// RequestSpread is the period over which the clusters of one account spread their requests.
	RequestSpread time.Duration
	// LookPace is the interval between two clusters of one account that ask OCM.
	LookPace time.Duration
	// ProgressPause is the least time between two questions which of the account's clusters have not switched.
	ProgressPause time.Duration
	// VerifyRetry is the interval between checks at a registry that has not accepted the new credentials; VerifyDeadline is how long they may
	// take to propagate before a refusal counts.
	VerifyRetry, VerifyDeadline time.Duration
	// Window is how long OCM waits for a cluster to switch if it does not say; WindowMargin before its end, credentials that no registry has
	// refused are written unproven, which leaves telemetry enough time to report with them.
	Window, WindowMargin time.Duration
	// ProofRetry is the first interval between checks of credentials that OCM reports as deleted. ProofPatience is how long a deletion may take
	// to propagate before a warning; ProofInterval is the interval after that.
	ProofRetry, ProofPatience, ProofInterval time.Duration
	// ProbeDelay is how long a machine may use the old pull secret after it has the new file, and ProbeAttempt how long one attempt of a machine to
	// pull with the new one may take.
	ProbeDelay, ProbeAttempt time.Duration
	// IssueDeadline and RevokeDeadline are when a wait is reported as overdue. The wait continues.
	IssueDeadline, RevokeDeadline time.Duration
}

// SetDefaults fills in zero fields.
func (t *Timing) SetDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	// See there for the reasons; with these bounds a rotation takes less than 300 requests.
	def(&t.PollMin, schedule.IssuePollMin)
	def(&t.PollMax, schedule.IssuePollMax)
	def(&t.RevokePollMin, schedule.RevocationPollMin)
	def(&t.RevokePollMax, schedule.RevocationPollMax)
	// A pool takes minutes.
	def(&t.PoolPoll, 30*time.Second)
	def(&t.OCMTimeout, 30*time.Second)
	// Long enough that not all clusters of a large account read an empty list before the first request.
	def(&t.RequestSpread, 30*time.Minute)
	def(&t.LookPace, time.Second)
	// A cluster reports to OCM every 6 hours, so little changes within three.
	def(&t.ProgressPause, 3*time.Hour)
	// Registries replicate credentials within minutes.
	def(&t.VerifyRetry, time.Minute)
	def(&t.VerifyDeadline, 30*time.Minute)
	// Transfers last 5 days; telemetry reports every 6 hours, and must report before their end.
	def(&t.Window, 5*24*time.Hour)
	def(&t.WindowMargin, 24*time.Hour)
	// A deletion propagates within minutes; after a day a person has to ask why not.
	def(&t.ProofRetry, 5*time.Minute)
	def(&t.ProofPatience, 24*time.Hour)
	def(&t.ProofInterval, 24*time.Hour)
	// Kubelet caches the credentials of its file for five minutes. Times in the status lose their fractions, hence a little more.
	def(&t.ProbeDelay, 5*time.Minute+10*time.Second)
	def(&t.ProbeAttempt, 5*time.Minute)
	// Batches run every 6 hours; four times that is not normal. Transfers last 5 days.
	def(&t.IssueDeadline, 24*time.Hour)
	def(&t.RevokeDeadline, 5*24*time.Hour)
}

// settle is how long a request may still take effect after the process that sent it has died: no second one is sent before. Twice the client's
// own timeout leaves room for a gateway's queue.
func (t *Timing) settle() time.Duration { return 2 * t.OCMTimeout }
