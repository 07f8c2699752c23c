package stage

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// judgeReport holds a status that was written to what clients rely on, by Kubernetes' API conventions: a condition describes a generation that there is,
// and no older one than before; its lastTransitionTime is when its status changed.
func (l *Life) judgeReport(name string, before, after client.Object) {
	w := l.Cluster.World
	was, _ := before.(conditions.Object)
	is, _ := after.(conditions.Object)
	if was == nil || is == nil || before.GetUID() != after.GetUID() {
		return
	}
	for _, now := range is.GetConditions() {
		if now.ObservedGeneration > is.GetGeneration() {
			w.Violate("%s: %s: %s describes generation %d of %d", l, name, now.Type, now.ObservedGeneration, is.GetGeneration())
		}
		then := meta.FindStatusCondition(was.GetConditions(), now.Type)
		if then == nil {
			continue
		}
		if now.ObservedGeneration < then.ObservedGeneration {
			w.Violate("%s: %s: %s describes generation %d, and did describe %d", l, name, now.Type, now.ObservedGeneration, then.ObservedGeneration)
		}
		changed, moved := then.Status != now.Status, !then.LastTransitionTime.Equal(&now.LastTransitionTime)
		sameSecond := time.Since(now.LastTransitionTime.Time) < 2*time.Second
		if changed != moved && !(changed && sameSecond) {
			w.Violate("%s: %s: %s goes from %s to %s, and its lastTransitionTime from %s to %s", l, name, now.Type, then.Status, now.Status,
				then.LastTransitionTime.UTC().Format(time.RFC3339), now.LastTransitionTime.UTC().Format(time.RFC3339))
		}
	}
}
