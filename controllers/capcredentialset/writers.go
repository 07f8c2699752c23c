package capcredentialset

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// writtenByUs is true if the operator owns one of its data keys.
func writtenByUs(entries []metav1.ManagedFieldsEntry) bool {
	return managedfields.WrittenBy(entries, managedfields.Operator, ownsKey)
}

// lastWriter is the field manager, other than the operator, that last wrote one of the operator's keys or annotations; empty if unknown.
func lastWriter(entries []metav1.ManagedFieldsEntry) string {
	annotations := slices.Collect(maps.Keys(plan.Bookkeeping{}.Annotations("", "")))
	return managedfields.LastWriter(entries, func(e metav1.ManagedFieldsEntry, f managedfields.Fields) bool {
		return e.Manager != managedfields.Operator && (ownsKey(f) || f.HasAnnotation(annotations...))
	})
}

// ownsKey is true if a set of fields includes one of the operator's data keys.
func ownsKey(f managedfields.Fields) bool { return f.HasData(awscreds.Keys()...) }

// setSecondWriter reports who else writes the same Secrets.
func (r *reconciler) setSecondWriter(s *scope) {
	const condition = v1alpha1.ConditionSecondWriter
	for i := range s.plan.Rows {
		if row := &s.plan.Rows[i]; row.Fighting {
			conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonWriterFight, row.Ref.String()+": "+plan.FightMessage(*row))
			return
		}
	}
	for _, job := range r.facts.CronJobs() {
		if !maybeLegacy(job.Namespace) {
			continue
		}
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonLegacyCronJob, fmt.Sprintf(
			"CronJob %s/%s (schedule %s) writes AWS credentials to the same Secrets, without their session token, and empties them when CAP answers with an error. "+
				"Suspend it: %s", job.Namespace, job.Name, quoted(conditions.Shorten(job.Schedule, 128)),
			command.Line{"oc", "-n", job.Namespace, "patch", "cronjob", job.Name, "-p", `{"spec":{"suspend":true}}`}))
		return
	}
	for i := range s.plan.Rows {
		ref := s.plan.Rows[i].Ref
		if heals, writer := s.memory.Regular(ref, r.now()); heals > 0 {
			conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonRegularWriter, fmt.Sprintf(
				"%s has changed what the operator writes to Secret %s, and the operator corrected it %d times within a day. Each time its "+
					"consumers may have read a wrong credential. Stop the other writer, which may be a CronJob of cap-token-refresh under "+
					"another name.", manager(writer), ref, heals))
			return
		}
	}
	conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonNoSecondWriter, "No other writer of these Secrets is known.")
}

// manager names a field manager, if one is known.
func manager(name string) string {
	if name == "" {
		return "Somebody"
	}
	return "The field manager " + quoted(conditions.Shorten(name, 128))
}

// maybeLegacy is true if a CronJob named cap-token-refresh may be that project's: in the namespace of its manifests, or in one that only
// administrators can create. A tenant's CronJob of the same name does not write a set's Secrets.
func maybeLegacy(namespace string) bool {
	return namespace == "cap-token-refresh" || strings.HasPrefix(namespace, "openshift-") || strings.HasPrefix(namespace, "kube-")
}
