package managedfields

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FuzzFields: whatever a writer's fields are, a writer is named only for what it owns, and the status' writers never are.
func FuzzFields(f *testing.F) {
	f.Add([]byte(`{"f:data":{"f:aws_access_key_id":{}},"f:metadata":{"f:annotations":{"f:a":{}}}}`), "argocd", "")
	f.Add([]byte(`{"f:data":null}`), "", "status")
	f.Add([]byte(`{"f:metadata":[]}`), "x", "")
	f.Fuzz(func(t *testing.T, raw []byte, manager, subresource string) {
		at := metav1.NewTime(time.Unix(1795176000, 0))
		entries := []metav1.ManagedFieldsEntry{{Manager: manager, Subresource: subresource, Time: &at, FieldsV1: metav1.NewFieldsV1(string(raw))}, {Manager: "nobody", Time: &at}}
		owns := func(f Fields) bool { return f.HasData("aws_access_key_id") || f.HasAnnotation("a") }
		name := LastWriter(entries, func(_ metav1.ManagedFieldsEntry, f Fields) bool { return owns(f) })
		written := WrittenBy(entries, manager, owns)
		if name != "" && (name != manager || subresource != "" || !written) || written != (WrittenAt(entries, owns) != nil) {
			t.Fatalf("of %q, %q with %q is taken for the writer: %v", raw, name, subresource, written)
		}
	})
}
