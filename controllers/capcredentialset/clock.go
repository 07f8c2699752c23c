package capcredentialset

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/schedule"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// now is the wall clock without Go's monotonic reading. Times from a Secret have no monotonic reading, so otherwise only some comparisons would
// notice that the clock was set.
func (r *reconciler) now() time.Time { return r.Clock.Now().Round(0) }

// jumpDetector notices that the clock was set. A clock that was set back makes a credential look younger than it is, so its refresh would come
// too late. A clock that was wrong before has left wrong times on the Secrets.
type jumpDetector struct {
	wall      time.Time
	monotonic time.Duration
	count     int
}

// clockJumps compares both clocks and returns how often the wall clock was set since the start. A set checks at least every MaxSleep.
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

// distrust marks the contents of the Secrets as suspect if the clock has been set since the last round.
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
