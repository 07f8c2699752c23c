// Package statuspatch makes the merge patch between two statuses of one object.
package statuspatch

import (
	"encoding/json"
	"fmt"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// New is the patch that leads from one status to another, for the version of the object that has the first: a process with an outdated view must
// not write over a newer one. It is nil if the API server would store the same: times lose their fractions.
//
// Only the fields that differ are encoded, because most of a status, such as its rows, seldom changes.
func New[S any](version string, before, after S) (client.Patch, error) {
	before, after, same := differing(before, after)
	if same {
		return nil, nil
	}
	was, err := json.Marshal(before)
	if err != nil {
		return nil, fmt.Errorf("encoding the status before: %w", err)
	}
	is, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("encoding the status: %w", err)
	}
	changes, err := jsonpatch.CreateMergePatch(was, is)
	if err != nil {
		return nil, fmt.Errorf("comparing the status: %w", err)
	}
	if string(changes) == "{}" {
		return nil, nil
	}
	quoted, _ := json.Marshal(version) // a string can always be encoded
	body := fmt.Appendf(nil, `{"metadata":{"resourceVersion":%s},"status":%s}`, quoted, changes)
	return client.RawPatch(types.MergePatchType, body), nil
}

// differing are copies of two statuses without the fields that are the same in both.
func differing[S any](before, after S) (was, is S, same bool) {
	same = true
	a, b := reflect.ValueOf(&before).Elem(), reflect.ValueOf(&after).Elem()
	for i := range a.NumField() {
		if equality.Semantic.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			a.Field(i).SetZero()
			b.Field(i).SetZero()
		} else {
			same = false
		}
	}
	return before, after, same
}
