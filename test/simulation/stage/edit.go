package stage

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// PickEdit is the edit of one field of a spec.
func PickEdit[E any](w *World, whose string, edits map[string]E) E {
	path := Pick(w, slices.Sorted(maps.Keys(edits))...)
	w.Say("somebody edits spec.%s of %s", path, whose)
	w.Count.Count(history.Fields, path)
	return edits[path]
}

// Condition is the condition of a type; empty if there is none.
func Condition(all []metav1.Condition, kind string) metav1.Condition {
	for _, c := range all {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}
