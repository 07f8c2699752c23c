// Package managedfields reads from an object's managedFields who wrote which of its fields. Writers choose these names themselves, so they serve
// for messages and pauses, but prove nothing.
package managedfields

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Operator is the operator's field manager, and the source of its events.
const Operator = "credential-rotation-operator"

// Approval is the field manager of an approval by the command line, whatever the binary is called.
const Approval = "credential-rotation-approval"

// Fields are what one writer owns of an object.
type Fields struct {
	Data     map[string]json.RawMessage `json:"f:data"`
	Metadata struct {
		Annotations map[string]json.RawMessage `json:"f:annotations"`
	} `json:"f:metadata"`
}

// HasData is true if one of the keys is owned; without keys, if any key is.
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

// LastWriter is the manager that last changed the fields that count, ignoring subresources; empty if unknown.
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

// WrittenBy is true if the manager owns fields that count.
func WrittenBy(entries []metav1.ManagedFieldsEntry, manager string, counts func(Fields) bool) bool {
	for _, e := range entries {
		if f, ok := read(e); ok && e.Manager == manager && counts(f) {
			return true
		}
	}
	return false
}

// WrittenAt is when an owner of fields that count last wrote them; nil if unknown.
func WrittenAt(entries []metav1.ManagedFieldsEntry, counts func(Fields) bool) *metav1.Time {
	var newest *metav1.Time
	for _, e := range entries {
		if f, ok := read(e); ok && counts(f) && e.Time != nil && (newest == nil || newest.Before(e.Time)) {
			newest = e.Time.DeepCopy()
		}
	}
	return newest
}

// LastEdit is when the object was last changed, ignoring subresources such as the status; zero if unknown.
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
