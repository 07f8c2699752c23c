package decide

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A thousand clusters of one account that were set going in the same second do not ask OCM in the same second again, none of them much later
// than it would alone.
func TestPoll_ClustersThatBeganTogetherAskApart(t *testing.T) {
	began := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	in := Input{Timing: &Timing{PollMin: time.Minute, PollMax: 40 * time.Minute}}
	polls, most := map[time.Time]int{}, 0
	const clusters = 1000
	for cluster := range clusters {
		in.Status = &v1alpha1.PullSecretRotationStatus{Salt: fmt.Sprint("salt", cluster), Rotation: &v1alpha1.RotationStatus{ID: "r", RequestedAt: TimePtr(began)}}
		for in.Now = began; in.Now.Before(began.Add(6 * time.Hour)); {
			alone, wait := pollIntervalOfAge(in), pollInterval(in)
			if wait < alone || wait > alone+alone/pollSpread {
				t.Fatalf("it waits for %s, and alone for %s", wait, alone)
			}
			if again := pollInterval(in); again != wait {
				t.Fatalf("it waits for %s and then for %s", wait, again)
			}
			in.Now = in.Now.Add(wait)
			if second := in.Now.Truncate(time.Second); in.Now.Sub(began) > 10*time.Minute {
				polls[second]++
				most = max(most, polls[second])
			}
		}
	}
	if limit := 25; most > limit {
		t.Errorf("%d of %d clusters ask in one second, want at most %d", most, clusters, limit)
	}
}
