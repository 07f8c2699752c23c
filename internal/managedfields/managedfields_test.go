package managedfields_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// entry is of a writer who last wrote so long after noon.
func entry(manager, subresource, fields string, after time.Duration) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, Time: &metav1.Time{Time: noon.Add(after)}}
	if fields != "" {
		e.FieldsV1 = metav1.NewFieldsV1(fields)
	}
	return e
}

func TestLastWriter_IsTheNewestOfThoseThatCount(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		entry("first", "", `{"f:data":{"f:a":{}}}`, 0),
		entry("second", "", `{"f:data":{".":{},"f:a":{}}}`, time.Minute),
		entry("earlier", "", `{"f:data":{"f:a":{}}}`, -time.Minute),
		entry("labeller", "", `{"f:metadata":{"f:labels":{}}}`, time.Hour),
		entry("annotator", "", `{"f:metadata":{"f:annotations":{"f:note":{}}}}`, time.Hour),
		entry("controller", "status", `{"f:data":{"f:a":{}}}`, time.Hour),
		entry("empty", "", "", time.Hour),
		entry("broken", "", `{"f:data":`, time.Hour),
	}
	for want, counts := range map[string]func(metav1.ManagedFieldsEntry, managedfields.Fields) bool{
		"second": func(_ metav1.ManagedFieldsEntry, f managedfields.Fields) bool { return f.HasData("a", "b") },
		"first": func(e metav1.ManagedFieldsEntry, f managedfields.Fields) bool {
			return f.HasData() && e.Manager != "second"
		},
		"annotator": func(_ metav1.ManagedFieldsEntry, f managedfields.Fields) bool { return f.HasAnnotation("note") },
		"":          func(_ metav1.ManagedFieldsEntry, f managedfields.Fields) bool { return f.HasData("b") },
	} {
		if got := managedfields.LastWriter(entries, counts); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	all := func(metav1.ManagedFieldsEntry, managedfields.Fields) bool { return true }
	if got := managedfields.LastWriter(entries, all); got != "annotator" {
		t.Errorf("whatever counts: %q, who wrote a subresource, nothing, or something that cannot be read", got)
	}
}

func TestWrittenBy_AsksWhoOwnsAndNotWhoWasLast(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		entry(managedfields.Operator, "", `{"f:data":{"f:a":{}}}`, 0),
		entry("other", "", `{"f:data":{"f:b":{}}}`, time.Hour),
	}
	owns := func(key string) func(managedfields.Fields) bool {
		return func(f managedfields.Fields) bool { return f.HasData(key) }
	}
	if !managedfields.WrittenBy(entries, managedfields.Operator, owns("a")) || managedfields.WrittenBy(entries, managedfields.Operator, owns("b")) {
		t.Error("the operator owns a, and not b")
	}
}

func TestLastEdit_LeavesTheStatusAside(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		entry("user", "", `{}`, time.Minute), entry("other", "", "", 0), entry("controller", "status", `{}`, time.Hour), {Manager: "timeless"},
	}
	if got := managedfields.LastEdit(entries); !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %s", got)
	}
	if got := managedfields.LastEdit(nil); !got.IsZero() {
		t.Errorf("of nothing: %s", got)
	}
}
