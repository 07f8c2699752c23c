package pullsecretrotation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestPruneBackups_KeepsTheNewestFewOfThisObjectAlone(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	obj := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "account", UID: "mine"}}
	obj.Status.Rotation = &v1alpha1.RotationStatus{BackupSecret: "backup-4"}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var objects []client.Object
	for i := range 6 {
		owner := obj.UID
		if i == 0 {
			owner = "an object of the same name that was deleted"
		}
		objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: "operator", Name: fmt.Sprintf("backup-%d", i), Labels: map[string]string{backupLabel: "account"},
			CreationTimestamp: metav1.NewTime(start.AddDate(0, 0, i)),
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: "v1", Kind: "PullSecretRotation", Name: "account", UID: owner}},
		}})
	}
	objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operator", Name: "something-else"}})
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	s := &scope{r: &Reconciler{Client: c, Reader: c, Options: Options{Namespace: "operator"}}, obj: obj}

	if err := s.pruneBackups(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := &corev1.SecretList{}
	if err := c.List(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range left.Items {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	if want := []string{"backup-0", "backup-3", "backup-4", "backup-5", "something-else"}; !slices.Equal(names, want) {
		t.Errorf("left are %q, want %q", names, want)
	}
}
