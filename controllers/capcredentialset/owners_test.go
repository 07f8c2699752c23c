package capcredentialset

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// writer is who writes, and how: an entry of managedFields.
type writer struct {
	manager   string
	operation metav1.ManagedFieldsOperationType
}

var (
	applying = writer{managedfields.Operator, metav1.ManagedFieldsOperationApply}
	updating = writer{managedfields.Operator, metav1.ManagedFieldsOperationUpdate}
	somebody = writer{"somebody", metav1.ManagedFieldsOperationUpdate}
)

// owners are the data keys that each writer owns.
type owners map[writer]map[string]bool

// entries are they as the API server shows them.
func (o owners) entries() []metav1.ManagedFieldsEntry {
	var all []metav1.ManagedFieldsEntry
	for _, by := range []writer{applying, updating, somebody} {
		keys := map[string]struct{}{}
		for k := range o[by] {
			keys["f:"+k] = struct{}{}
		}
		if len(keys) == 0 {
			continue
		}
		fields, err := json.Marshal(map[string]any{"f:data": keys})
		if err != nil {
			panic(err)
		}
		all = append(all, metav1.ManagedFieldsEntry{Manager: by.manager, Operation: by.operation, FieldsV1: metav1.NewFieldsV1(string(fields))})
	}
	return all
}

// alone is true for a key that only the operator's applies own.
func (o owners) alone(key string) bool { return !o[updating][key] && !o[somebody][key] }

func (o owners) set(by writer, data map[string][]byte) {
	o[by] = map[string]bool{}
	for k := range data {
		o[by][k] = true
	}
}

// disown takes the keys that change from their owners. Who changes them owns them, where that is not for an apply to say. The caller
// holds the lock.
func (f *fakeSecrets) disown(r types.NamespacedName, after *corev1.Secret, by writer) {
	if after == nil || f.objects[r] == nil || f.owners[r] == nil {
		f.owners[r] = owners{by: map[string]bool{}}
	}
	if after == nil {
		return
	}
	var before map[string][]byte
	if there := f.objects[r]; there != nil {
		before = there.Data
	}
	keys := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after.Data))
	for _, k := range keys {
		was, had := before[k]
		is, has := after.Data[k]
		if had == has && bytes.Equal(was, is) {
			continue
		}
		for _, owned := range f.owners[r] {
			delete(owned, k)
		}
		if has && by != applying {
			if f.owners[r][by] == nil {
				f.owners[r][by] = map[string]bool{}
			}
			f.owners[r][by][k] = true
		}
	}
}

// ownersOf are the managers of a data key, each once.
func ownersOf(s *corev1.Secret, key string) []string {
	var all []string
	for _, e := range s.ManagedFields {
		if managedfields.WrittenBy([]metav1.ManagedFieldsEntry{e}, e.Manager, func(f managedfields.Fields) bool { return f.HasData(key) }) {
			all = append(all, e.Manager)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wantOwned wants each key that the operator writes to be the operator's, and nobody else's.
func wantOwned(t testing.TB, s *corev1.Secret) {
	t.Helper()
	for _, key := range awscreds.Keys() {
		if _, ok := s.Data[key]; ok && !slices.Equal(ownersOf(s, key), []string{managedfields.Operator}) {
			t.Errorf("%s of %s/%s is of %q", key, s.Namespace, s.Name, ownersOf(s, key))
		}
	}
}
