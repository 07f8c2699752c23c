// Package managedfields reads who has written what of an object, as far as the API server's managedFields tell: names and times
// that each writer gives itself, good for messages and for pauses, and no proof of anything.
package managedfields

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Operator is the field manager of everything that the operator writes, and the name of its events.
const Operator = "credential-rotation-operator"

// Approval is the field manager of an approval by the command line, whatever the program is called where it is used.
const Approval = "credential-rotation-approval"

// Fields are what one writer owns of an object.
type Fields struct {
	Data     map[string]json.RawMessage `json:"f:data"`
	Metadata struct {
		Annotations map[string]json.RawMessage `json:"f:annotations"`
	} `json:"f:metadata"`
}

// HasData is true when one of the keys is owned; without keys, when any is.
func (f Fields) HasData(keys ...string) bool { return has(f.Data, keys) }

// HasAnnotation is HasData for annotations.
func (f Fields) HasAnnotation(keys ...string) bool { return has(f.Metadata.Annotations, keys) }

func has(owned map[string]json.RawMessage, keys []string) bool {
	for _, k := range keys {
		if _, ok := owned["f:"+k]; ok {
			return true
		}
	}
	return len(keys) == 0 && len(owned) > 0
}

// LastWriter is the name of the writer that was the last to change what counts, without those of a subresource; empty when that is
// not known.
func LastWriter(entries []metav1.ManagedFieldsEntry, counts func(metav1.ManagedFieldsEntry, Fields) bool) string {
	var name string
	var at *metav1.Time
	for _, e := range entries {
		f, ok := read(e)
		if !ok || !counts(e, f) {
			continue
		}
		if name == "" || !e.Time.Before(at) {
			name, at = e.Manager, e.Time
		}
	}
	return name
}

// WrittenBy is true when the manager owns what counts.
func WrittenBy(entries []metav1.ManagedFieldsEntry, manager string, counts func(Fields) bool) bool {
	for _, e := range entries {
		if f, ok := read(e); ok && e.Manager == manager && counts(f) {
			return true
		}
	}
	return false
}

// WrittenAt is when the newest of those wrote who own what counts; nil when that is not known.
func WrittenAt(entries []metav1.ManagedFieldsEntry, counts func(Fields) bool) *metav1.Time {
	var newest *metav1.Time
	for _, e := range entries {
		if f, ok := read(e); ok && counts(f) && e.Time != nil && (newest == nil || newest.Before(e.Time)) {
			newest = e.Time.DeepCopy()
		}
	}
	return newest
}

// LastEdit is when anything but a subresource, such as the status, was last changed; zero when that is not known.
func LastEdit(entries []metav1.ManagedFieldsEntry) time.Time {
	var newest time.Time
	for _, e := range entries {
		if e.Subresource == "" && e.Time != nil && e.Time.After(newest) {
			newest = e.Time.Time
		}
	}
	return newest
}

func read(e metav1.ManagedFieldsEntry) (f Fields, ok bool) {
	if e.FieldsV1 == nil || e.Subresource != "" {
		return f, false
	}
	return f, json.Unmarshal(e.FieldsV1.GetRawBytes(), &f) == nil
}
