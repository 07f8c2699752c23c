package capcredentialset

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// fieldManager is the name by which the API server knows what the operator owns.
const fieldManager = "credential-rotation-operator"

// writtenByUs says whether the operator owns one of its data keys.
func writtenByUs(fields []metav1.ManagedFieldsEntry) bool {
	for i := range fields {
		if f := &fields[i]; f.Manager == fieldManager && f.FieldsV1 != nil && ownsKey(f.FieldsV1.GetRawBytes()) {
			return true
		}
	}
	return false
}

// lastWriter names the field manager, other than the operator, that was the last to write one of the operator's keys or
// annotations; empty when managedFields do not tell.
func lastWriter(fields []metav1.ManagedFieldsEntry) string {
	var name string
	var at *metav1.Time
	for i := range fields {
		f := &fields[i]
		if f.Manager == fieldManager && f.Operation == metav1.ManagedFieldsOperationApply || f.FieldsV1 == nil || !ownsKey(f.FieldsV1.GetRawBytes()) && !ownsBooks(f.FieldsV1.GetRawBytes()) {
			continue
		}
		if name == "" || at.Before(f.Time) {
			name, at = f.Manager, f.Time
		}
	}
	return name
}

// ownsKey says whether a set of fields has one of the data keys that the operator writes.
func ownsKey(raw []byte) bool {
	var fields struct {
		Data map[string]json.RawMessage `json:"f:data"`
	}
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	for _, k := range awscreds.Keys() {
		if _, ok := fields.Data["f:"+k]; ok {
			return true
		}
	}
	return false
}

// ownsBooks says whether a set of fields has one of the annotations that the operator writes.
func ownsBooks(raw []byte) bool {
	var fields struct {
		Metadata struct {
			Annotations map[string]json.RawMessage `json:"f:annotations"`
		} `json:"f:metadata"`
	}
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	for a := range (plan.Books{}).Annotations("", "") {
		if _, ok := fields.Metadata.Annotations["f:"+a]; ok {
			return true
		}
	}
	return false
}
