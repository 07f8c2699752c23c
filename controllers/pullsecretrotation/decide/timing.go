package decide

import (
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Timing is when things are looked at, and when waiting for them is reported. Each time has a default that suits the real
// services; tests and the demo, whose services are quicker, give shorter ones.
type Timing struct {
	// PollMin and PollMax bound the time between two looks at OCM while new credentials are awaited; RevokePollMin and
	// RevokePollMax while the end of the old ones is.
	PollMin, PollMax             time.Duration
	RevokePollMin, RevokePollMax time.Duration
	// PoolPoll is the time between two looks at the MachineConfigPools during a roll-out.
	PoolPoll time.Duration
	// OCMTimeout bounds one request to OCM.
	OCMTimeout time.Duration
	// RequestSpread is over how long the clusters of one account spread their requests.
	RequestSpread time.Duration
	// VerifyRetry is the time between two questions to a registry that has not accepted new credentials;
	// VerifyDeadline is how long they may need to spread before a refusal counts.
	VerifyRetry, VerifyDeadline time.Duration
	// Window is how long OCM waits for a cluster to switch where it does not say so itself; WindowMargin is how long before that
	// credentials that nothing has refused are written unproven: time enough for telemetry to report with them.
	Window, WindowMargin time.Duration
	// IssueDeadline and RevokeDeadline are when waiting is reported as overdue. It goes on all the same.
	IssueDeadline, RevokeDeadline time.Duration
}

// SetDefaults fills what is zero.
func (t *Timing) SetDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	// The bounds and the reasons for them are documented there; a rotation stays under 300 requests with them.
	def(&t.PollMin, schedule.IssuePollMin)
	def(&t.PollMax, schedule.IssuePollMax)
	def(&t.RevokePollMin, schedule.RevocationPollMin)
	def(&t.RevokePollMax, schedule.RevocationPollMax)
	// A pool takes minutes.
	def(&t.PoolPoll, 30*time.Second)
	def(&t.OCMTimeout, 30*time.Second)
	// Long enough that the clusters of a large account do not all read an empty list before the first one's request.
	def(&t.RequestSpread, 30*time.Minute)
	// Registries replicate credentials within minutes.
	def(&t.VerifyRetry, time.Minute)
	def(&t.VerifyDeadline, 30*time.Minute)
	// Transfers live for 5 days; telemetry reports every 6 hours, and must be heard before that.
	def(&t.Window, 5*24*time.Hour)
	def(&t.WindowMargin, 24*time.Hour)
	// Four batches a day make 6 hours; four times that is not normal. Transfers live for 5 days.
	def(&t.IssueDeadline, 24*time.Hour)
	def(&t.RevokeDeadline, 5*24*time.Hour)
}

// settle is how long a request may still take effect after the process that sent it has died: a second one is not sent
// before. Twice the client's own timeout leaves room for a gateway's queue.
func (t *Timing) settle() time.Duration { return 2 * t.OCMTimeout }
