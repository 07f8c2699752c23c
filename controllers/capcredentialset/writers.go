package capcredentialset

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// writtenByUs says whether the operator owns one of its data keys.
func writtenByUs(entries []metav1.ManagedFieldsEntry) bool {
	return managedfields.WrittenBy(entries, managedfields.Operator, ownsKey)
}

// lastWriter names the field manager, other than the operator, that was the last to write one of the operator's keys or
// annotations; empty when managedFields do not tell.
func lastWriter(entries []metav1.ManagedFieldsEntry) string {
	annotations := slices.Collect(maps.Keys(plan.Books{}.Annotations("", "")))
	return managedfields.LastWriter(entries, func(e metav1.ManagedFieldsEntry, f managedfields.Fields) bool {
		ours := e.Manager == managedfields.Operator && e.Operation == metav1.ManagedFieldsOperationApply
		return !ours && (ownsKey(f) || f.HasAnnotation(annotations...))
	})
}

// ownsKey says whether a set of fields has one of the data keys that the operator writes.
func ownsKey(f managedfields.Fields) bool { return f.HasData(awscreds.Keys()...) }
