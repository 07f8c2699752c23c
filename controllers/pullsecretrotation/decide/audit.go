package decide

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// audit is mode Audit: it has looked at all that the mode Rotate looks at before a rotation, and reports what a rotation
// would do and what would hold it back. status.targets gets the entries when the report is written.
func audit(in Input, d Due, isDue bool, nextHealth time.Time) Decision {
	if in.Facts.Siblings == nil {
		return Do(LookAtSiblings)
	}
	said := auditVerdict(d, isDue)
	for _, o := range obstacles(in) {
		said += " It would be held back: " + o.sentence
	}
	said += fmt.Sprintf(" The account has %d other active clusters. status.targets says, entry by entry, what a rotation would change; nothing was requested or written.",
		len(*in.Facts.Siblings))
	return audited(in, d, said, nextHealth)
}

func auditVerdict(d Due, isDue bool) string {
	switch {
	case isDue:
		return fmt.Sprintf("A rotation is due since %s.", OnTheClock(d.T))
	case d.Next != nil:
		return fmt.Sprintf("No rotation is due before %s.", OnTheClock(*d.Next))
	default:
		return "No rotation is due."
	}
}

func audited(in Input, d Due, said string, nextHealth time.Time) Decision {
	after := max(min(nextHealth.Sub(in.Now), nextLook(in).Sub(in.Now)), time.Second)
	if d.Next != nil {
		after = min(after, d.Next.Sub(in.Now))
	}
	return Waiting(Ready, v1alpha1.ReasonAudited, "Audited", said, after)
}

// lastAudit is the report that stands, if it is about this spec and its verdict still holds.
func lastAudit(in Input, verdict string) (string, bool) {
	ready := meta.FindStatusCondition(in.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason != v1alpha1.ReasonAudited || ready.ObservedGeneration != in.Generation || !strings.HasPrefix(ready.Message, verdict) {
		return "", false
	}
	return ready.Message, true
}
