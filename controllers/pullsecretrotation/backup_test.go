package pullsecretrotation

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestDropOtherBackups_DeletesThoseOfThisObjectThatNobodyNeeds(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	obj := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "account", UID: "mine"}}
	obj.Status.Rotation = &v1alpha1.RotationStatus{BackupSecret: "backup-4"}
	obj.Status.History = []v1alpha1.RotationStatus{{BackupSecret: "backup-2", RevokedAt: &metav1.Time{}}, {BackupSecret: "backup-3"}}
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

	if err := s.dropOtherBackups(t.Context()); err != nil {
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
	if want := []string{"backup-0", "backup-2", "backup-4", "something-else"}; !slices.Equal(names, want) {
		t.Errorf("left are %q, want %q", names, want)
	}
}

// A backup holds only what a rotation may change, and is deleted when that no longer works.
func TestBackup_HoldsNoCredentialOfTheCustomersAndEndsWithTheRotation(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	secret := &corev1.Secret{}
	if err := m.client.Get(t.Context(), client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}, secret); err != nil {
		t.Fatal(err)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("robot:cUsToMeRsOwN"))
	document := string(secret.Data[corev1.DockerConfigJsonKey])
	secret.Data[corev1.DockerConfigJsonKey] = []byte(strings.Replace(document, `"auths":{`, `"auths":{"mirror.example.com:5000":{"auth":"`+auth+`"},`, 1))
	if string(secret.Data[corev1.DockerConfigJsonKey]) == document {
		t.Fatal("the entry is not in the document")
	}
	if err := m.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	backups := &corev1.SecretList{}
	if err := m.client.List(t.Context(), backups, client.HasLabels{backupLabel}); err != nil || len(backups.Items) != 1 {
		t.Fatalf("%d backups, %v", len(backups.Items), err)
	}
	for _, content := range backups.Items[0].Data {
		if !strings.Contains(string(content), "quay.io") || strings.Contains(string(content), auth) || strings.Contains(string(content), "mirror.example.com") {
			t.Error("the backup does not have the account's entry, or has the customer's")
		}
	}
	m.through(hasEnded)
	if err := m.client.List(t.Context(), backups, client.HasLabels{backupLabel}); err != nil || len(backups.Items) != 0 {
		t.Errorf("%d backups are left after the end, %v", len(backups.Items), err)
	}
	if name := m.seen.Status.Rotation.BackupSecret; name != "" {
		t.Errorf("the status names %s", name)
	}
}
