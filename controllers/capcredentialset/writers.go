package capcredentialset

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// writtenByUs is true if the operator owns one of its data keys.
func writtenByUs(entries []metav1.ManagedFieldsEntry) bool {
	return managedfields.WrittenBy(entries, managedfields.Operator, ownsKey)
}

// lastWriter is the field manager, other than the operator, that last wrote one of the operator's keys or annotations; empty if unknown.
func lastWriter(entries []metav1.ManagedFieldsEntry) string {
	annotations := slices.Collect(maps.Keys(plan.Books{}.Annotations("", "")))
	return managedfields.LastWriter(entries, func(e metav1.ManagedFieldsEntry, f managedfields.Fields) bool {
		return e.Manager != managedfields.Operator && (ownsKey(f) || f.HasAnnotation(annotations...))
	})
}

// ownsKey is true if a set of fields includes one of the operator's data keys.
func ownsKey(f managedfields.Fields) bool { return f.HasData(awscreds.Keys()...) }
