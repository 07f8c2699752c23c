package capcredentialset

import (
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// Options are what the manager gives to the controller. Each time has a default that suits real services.
type Options struct {
	// Namespace of the operator: every Secret and ConfigMap that a spec reads lies there, and the key of the content hash.
	Namespace string
	// CAPHosts are where a spec may have the client certificate shown; empty: anywhere.
	CAPHosts hosts.List
	// Clock tells the time.
	Clock clock.PassiveClock
	// Monotonic is time that passes whatever the clock says; the two drift apart when the clock is set. nil with a Clock of
	// one's own: the clock is never set.
	Monotonic func() time.Duration
	// Secrets watches single Secrets by name. The manager runs it.
	Secrets *secretwatch.Watcher

	// MaxSleep is the longest time between two looks at the clock. A look that finds nothing due reads and writes nothing.
	MaxSleep time.Duration
	// RoundBudget is how long after its start a round begins no more requests to the portal: the rest is left to the next
	// round, which follows at once and sees what has happened meanwhile.
	RoundBudget time.Duration
	// AnswerWait is how long a round waits for CAP's answers. Those that come later are taken by another round.
	AnswerWait time.Duration
	// Settle is how long a set waits after the start for all its Secrets to be read before it acts on those that are.
	Settle time.Duration
	// RestartRetry is the wait after a workload could not be restarted.
	RestartRetry time.Duration
}

// SetDefaults fills what is zero.
func (o *Options) SetDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
		start := time.Now()
		o.Monotonic = func() time.Duration { return time.Since(start) }
	}
	// Timers run on the monotonic clock, which stands still while a machine sleeps and knows nothing of a wall clock that
	// jumps: looking this often bounds what both can cost, against credentials that live for an hour. It is also sooner than
	// the minute after which the kubelet restarts a process whose livez has noticed a jump, and the next one would know nothing.
	def(&o.MaxSleep, 30*time.Second)
	// As long as one request may take by default: a portal that hangs must not keep a new Secret waiting for longer.
	def(&o.RoundBudget, 30*time.Second)
	// A portal that works answers within this; a set whose portal hangs is served all the same, this much later.
	def(&o.AnswerWait, 5*time.Second)
	// A thousand Secrets are read within this on a healthy API server, and nobody notices it after a start.
	def(&o.Settle, 2*time.Second)
	def(&o.RestartRetry, time.Minute)
}
