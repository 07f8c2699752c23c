package capcredentialset

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/schedule"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// now is the wall clock alone. Go's times also carry a monotonic reading, and compare by it where both have one: times that
// come from a Secret have none, and a mixture would see a clock that was set in some comparisons and not in others.
func (r *reconciler) now() time.Time { return r.Clock.Now().Round(0) }

// jumpDetector notices that the clock was set. A clock that was set back makes a credential look younger than it is: it would be
// waited for while it dies. One that was wrong before has left wrong times on the Secrets.
type jumpDetector struct {
	wall      time.Time
	monotonic time.Duration
	count     int
}

// clockJumps looks at both clocks and answers how often the one was set since the start. A set looks at least every MaxSleep.
func (r *reconciler) clockJumps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Monotonic == nil {
		return 0
	}
	wall, monotonic := r.now(), r.Monotonic()
	j := &r.jumps
	drift := wall.Sub(j.wall) - (monotonic - j.monotonic)
	if !j.wall.IsZero() && drift.Abs() > schedule.ClockTolerance {
		j.count++
	}
	j.wall, j.monotonic = wall, monotonic
	return j.count
}

// distrust marks what lies in the Secrets when the clock has been set since the last look.
func (s *scope) distrust(jumps int, secrets map[types.NamespacedName]plan.Observation) {
	if s.jumps == jumps {
		return
	}
	s.jumps = jumps
	for _, o := range secrets {
		if o.Found {
			s.memory.Suspect[o.Hash] = true
		}
	}
	s.memory.Asked, s.memory.Held = map[string]time.Time{}, map[string]plan.Held{}
}
