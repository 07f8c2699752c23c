package capcredentialset

import (
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/hosts"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// Options of the controller. The defaults of the intervals suit real services.
type Options struct {
	// Namespace of the operator, which holds every Secret and ConfigMap that a spec refers to, and the key of the content hash.
	Namespace string
	// CAPHosts are the hosts to which a spec may present the client certificate; empty means any.
	CAPHosts hosts.List
	// Clock tells the time.
	Clock clock.PassiveClock
	// Monotonic is a monotonic time, from which the clock diverges when it is set. If it is nil with a custom Clock, the clock is never set.
	Monotonic func() time.Duration
	// Secrets watches single Secrets by name. The manager runs it.
	Secrets *secretwatch.Watcher

	// MaxSleep is the longest interval between two rounds. A round in which nothing is due reads and writes nothing.
	MaxSleep time.Duration
	// RoundBudget is how long after its start a round may start requests to CAP. The rest is left to the next round, which follows at once and
	// sees what has happened in the meantime.
	RoundBudget time.Duration
	// AnswerWait is how long a round waits for CAP's next answer. A later round processes those that arrive later.
	AnswerWait time.Duration
	// Writers is how many Secrets are written at a time.
	Writers int
	// Settle is how long a set waits after the start for all its Secrets to be read, before it acts on those that have been read.
	Settle time.Duration
	// RestartRetry is the wait before retrying the failed restart of a workload.
	RestartRetry time.Duration
}

// SetDefaults fills in zero fields.
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
	// Timers use the monotonic clock, which stops while a machine sleeps and does not follow jumps of the wall clock: this interval limits the
	// cost of both, compared to credentials that live for an hour. It is also shorter than the minute after which the kubelet restarts a process
	// whose livez has noticed a jump, which the next process would not know.
	def(&o.MaxSleep, 30*time.Second)
	// The default timeout of one request: a hanging CAP must not keep a new Secret waiting for longer.
	def(&o.RoundBudget, 30*time.Second)
	// A working CAP answers within this time; a set whose CAP hangs is only delayed by it.
	def(&o.AnswerWait, 5*time.Second)
	if o.Writers == 0 {
		// As many as CAP is asked for at a time by default. More would wait in the API server's queue for the writes of one user.
		o.Writers = 4
	}
	// A healthy API server returns a thousand Secrets within this time, and the delay after a start does not matter.
	def(&o.Settle, 2*time.Second)
	def(&o.RestartRetry, time.Minute)
}
