package cluster

import (
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// apiServer is APIServer/cluster with a spec.
func apiServer(spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "config.openshift.io/v1", "kind": "APIServer",
		"metadata": map[string]any{"name": "cluster"}, "spec": spec}}
}

func TestReadTLSProfile_IsThatOfTheAPIServer(t *testing.T) {
	modern := apiServer(map[string]any{"tlsSecurityProfile": map[string]any{"type": "Modern", "modern": nil}, "tlsAdherence": "StrictAllComponents"})
	got, err := ReadTLSProfile(t.Context(), fake.NewClientBuilder().WithScheme(runtime.NewScheme()).WithObjects(modern).Build())
	if err != nil || got.Profile != "Modern" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := ReadTLSProfile(t.Context(), has(t, nil)); err != nil || got.Profile != "Intermediate" {
		t.Errorf("without one: got %+v, %v", got, err)
	}
	if got, err := ReadTLSProfile(t.Context(), has(t, map[string]error{"APIServer": forbidden})); !apierrors.IsForbidden(err) || got.MinVersion == 0 {
		t.Errorf("without the right: got %+v, %v", got, err)
	}
	for _, nonsense := range []any{"text", map[string]any{"type": int64(1)}} {
		if got, err := tlsSettings(apiServer(map[string]any{"tlsSecurityProfile": nonsense}).Object); err == nil || got.Profile != "Intermediate" {
			t.Errorf("%v: got %+v, %v", nonsense, got, err)
		}
	}
}

func TestTLSProfileWatch_TellsEachChangeOnceAndKeepsWhatItKnew(t *testing.T) {
	var told []string
	w := tlsProfileWatch(func(s tlsprofile.Settings) { told = append(told, string(s.Profile)) })
	old := apiServer(map[string]any{"tlsSecurityProfile": map[string]any{"type": "Old"}})
	w.Replace(nil)
	w.Put(old)
	w.Put(old)
	w.Failed(errors.New("the API server is away"))
	w.Put(apiServer(map[string]any{"tlsSecurityProfile": map[string]any{"type": "Old"}, "tlsAdherence": "LegacyAdheringComponentsOnly"}))
	w.Put(apiServer(map[string]any{"tlsSecurityProfile": map[string]any{"type": "Modern"}}))
	w.Put(apiServer(map[string]any{"tlsSecurityProfile": "nonsense"}))
	w.Delete(old)
	if want := []string{"Intermediate", "Old", "Intermediate", "Modern", "Intermediate"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
