package pullsecretrotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// backupLabel marks a backup Secret with the name of its PullSecretRotation.
const backupLabel = "rotation.openshift.io/backup-of"

// backUp writes the entries that the rotation may change to a Secret in the operator's namespace. The Secret's name depends on the rotation, so
// that a retry after a crash overwrites it instead of adding another.
func (s *scope) backUp(ctx context.Context, r v1alpha1.RotationStatus) (string, error) {
	purpose := string(s.obj.UID) + "/" + r.ID
	if r.ID == "" && r.After != nil {
		purpose += r.After.UTC().String()
	}
	if r.Reason == v1alpha1.TriggerCatchUp {
		purpose += "/again" // what the rotation itself has replaced may still have to be proven dead
	}
	sum := sha256.Sum256([]byte(purpose))
	backup := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.r.Options.Namespace,
		Name:      fmt.Sprintf("%s-backup-%s", shortName(s.obj.Name), hex.EncodeToString(sum[:4])),
	}}
	_, err := controllerutil.CreateOrUpdate(ctx, uncached{s.r.Client, s.r.Reader}, backup, func() error {
		backup.Labels = map[string]string{backupLabel: shortName(s.obj.Name)}
		backup.Type = corev1.SecretTypeOpaque
		backup.Data = map[string][]byte{}
		for _, t := range s.targets {
			if t.doc == nil {
				continue
			}
			if entries := t.doc.Only(s.mayChange); entries != nil {
				backup.Data[backupKey(t.ref)] = entries
			}
		}
		return controllerutil.SetOwnerReference(s.obj, backup, s.r.Client.Scheme())
	})
	if err != nil {
		return "", fmt.Errorf("writing the backup Secret %s/%s: %w", backup.Namespace, backup.Name, err)
	}
	return backup.Name, nil
}

// lookAtBackup reads the old entries; there are none if somebody has deleted the backup.
func (s *scope) lookAtBackup(ctx context.Context) (seen decide.Facts, err error) {
	seen.BackupKnown, s.backup = true, nil
	backup := &corev1.Secret{}
	key := s.ownKey(s.rotation().BackupSecret)
	if err := s.r.Reader.Get(ctx, key, backup); apierrors.IsNotFound(err) || err == nil && len(backup.Data) == 0 {
		return seen, nil
	} else if err != nil {
		return seen, fmt.Errorf("reading the backup Secret %s: %w", key, err)
	}
	s.backup = map[v1alpha1.SecretReference]*pullsecret.Document{}
	for _, t := range s.targets {
		if old := parse(backup.Data[backupKey(t.ref)]); old != nil {
			s.backup[t.ref] = old
		}
	}
	return seen, nil
}

// backupKey is the key of a target's entries in a backup: its namespace and name, separated by an underscore. If they are too long for a key, a
// hash replaces the end.
func backupKey(ref v1alpha1.SecretReference) string {
	key := ref.Namespace + "_" + ref.Name
	if len(key) <= validation.DNS1123SubdomainMaxLength {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	end := "_" + hex.EncodeToString(sum[:8])
	return key[:validation.DNS1123SubdomainMaxLength-len(end)] + end
}

// shortName leaves room for a suffix in a name and is a valid label, which must end in a letter or a digit.
func shortName(name string) string { return strings.TrimRight(name[:min(len(name), 50)], "-.") }

// mayChange is true for an entry that a rotation may replace: one issued to the account, by shape, by record or by value, and any other only if
// the spec says so. The customer's own credentials survive a rotation, so they need no backup.
func (s *scope) mayChange(e pullsecret.Entry) bool {
	if e.Token {
		return false
	}
	return s.obj.Spec.Entries.Foreign == v1alpha1.ForeignReplace && s.givesOut(e.Registry) || pullsecret.IssuedByOCM(e) || s.known(e) || s.givenOut(e) || s.record().Owner(s.fingerprint(e)) != ""
}

// givesOut is true for a registry for which OCM issues a credential. The other entries in the targets of a hub would not fit into a backup.
func (s *scope) givesOut(registry string) bool {
	if slices.Contains(required, registry) {
		return true
	}
	if s.issued == nil {
		return false
	}
	_, ok := s.issued.Entry(registry)
	return ok
}

// givenOut is true for an entry with a credential that OCM issues now, for any registry.
func (s *scope) givenOut(e pullsecret.Entry) bool {
	if s.issued == nil || e.Username == "" || e.Password == "" {
		return false
	}
	return slices.ContainsFunc(s.issued.Registries(), func(registry string) bool {
		given, _ := s.issued.Entry(registry)
		return given.Username == e.Username && given.Password == e.Password
	})
}

// dropOtherBackups deletes the backups of this object that no rotation needs: none that is under way, and none whose old credentials are still
// to be proven dead.
func (s *scope) dropOtherBackups(ctx context.Context) error {
	list := &corev1.SecretList{}
	err := s.r.Reader.List(ctx, list, client.InNamespace(s.r.Options.Namespace), client.MatchingLabels{backupLabel: shortName(s.obj.Name)})
	if err != nil {
		return fmt.Errorf("listing the backup Secrets: %w", err)
	}
	for i := range list.Items {
		b := &list.Items[i]
		if !ownedBy(b, s.obj) || s.needsBackup(b.Name) {
			continue
		}
		if err := s.r.Client.Delete(ctx, b); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting the backup Secret %s: %w", b.Name, err)
		}
	}
	return nil
}

func (s *scope) needsBackup(name string) bool {
	return s.rotation() != nil && s.rotation().BackupSecret == name || slices.ContainsFunc(s.obj.Status.History, func(h v1alpha1.RotationStatus) bool {
		return h.BackupSecret == name && h.RevokedAt != nil
	})
}

func ownedBy(o client.Object, owner client.Object) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner.GetUID() })
}
