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
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

const (
	// backupLabel marks a backup Secret with the name of its PullSecretRotation.
	backupLabel = "rotation.openshift.io/backup-of"
	// keptBackups is how many backup Secrets stay: the last one may serve a rollback, the two before it a person.
	keptBackups = 3
)

// begin takes the baseline and the backup. It is for a rotation that will be requested (no id yet), one that was found
// pending, and one that had ended before this cluster looked.
func (s *scope) begin(ctx context.Context, r v1alpha1.RotationStatus) error {
	r.Salt, r.AccountID = pullsecret.NewSalt(), s.accountID()
	r.StartedAt = s.timestamp()
	r.Baseline = s.baseline(r)
	if r.Reason == v1alpha1.TriggerCatchUp {
		r.IssuedAt = s.timestamp()
		r.Issued = fingerprints(s.issued, r.Salt, all)
	}
	name, err := s.backUp(ctx, r)
	if err != nil {
		return err
	}
	r.BackupSecret = name
	s.record().Begin(r)
	s.deriveFacts()
	if r.ID != "" {
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "Rotation %s of account %s was not requested by this cluster (%s); it is seen through",
			r.ID, s.accountID(), r.Reason)
	}
	return nil
}

// baseline is what new credentials are told from. For a rotation that this cluster requests, it is what OCM gives out right
// before. One that was found may have issued already, so there it is what the cluster itself uses of the account's.
func (s *scope) baseline(r v1alpha1.RotationStatus) []v1alpha1.EntryFingerprint {
	if r.Adopted {
		for _, t := range s.targets {
			if t.doc == nil {
				continue
			}
			if list := fingerprints(t.doc, r.Salt, s.ownOrGiven); len(list) > 0 {
				return list
			}
		}
	}
	if s.issued == nil {
		return nil
	}
	return fingerprints(s.issued, r.Salt, all)
}

func all(pullsecret.Entry) bool { return true }

// ownOrGiven also knows an entry whose user name has no known shape by its being what OCM gives out now.
func (s *scope) ownOrGiven(e pullsecret.Entry) bool {
	if s.own(e) || s.issued == nil {
		return s.own(e)
	}
	given, ok := s.issued.Entry(e.Registry)
	return ok && !e.Token && given.Username == e.Username && given.Password == e.Password
}

// backUp writes the documents of the targets into a Secret in the operator's namespace. Its name follows from what the
// rotation is for, so that a repetition after a crash overwrites instead of adding.
func (s *scope) backUp(ctx context.Context, r v1alpha1.RotationStatus) (string, error) {
	purpose := string(s.obj.UID) + "/" + r.ID
	if r.ID == "" && r.After != nil {
		purpose += r.After.UTC().String()
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
			if t.doc != nil {
				backup.Data[backupKey(t.ref)] = t.doc.Raw()
			}
		}
		return controllerutil.SetOwnerReference(s.obj, backup, s.r.Client.Scheme())
	})
	if err != nil {
		return "", fmt.Errorf("writing the backup Secret %s/%s: %w", backup.Namespace, backup.Name, err)
	}
	return backup.Name, nil
}

func backupKey(ref v1alpha1.SecretReference) string { return ref.Namespace + "_" + ref.Name }

// shortName leaves room for a suffix in a name and fits into a label, which ends in a letter or a digit.
func shortName(name string) string { return strings.TrimRight(name[:min(len(name), 50)], "-.") }

// pruneBackups keeps the newest few.
func (s *scope) pruneBackups(ctx context.Context) error {
	list := &corev1.SecretList{}
	err := s.r.Reader.List(ctx, list, client.InNamespace(s.r.Options.Namespace), client.MatchingLabels{backupLabel: shortName(s.obj.Name)})
	if err != nil {
		return fmt.Errorf("listing the backup Secrets: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Secret) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	for i := range list.Items {
		b := &list.Items[i]
		if i < keptBackups || b.Name == s.rotation().BackupSecret || !metav1.IsControlledBy(b, s.obj) && !ownedBy(b, s.obj) {
			continue
		}
		if err := s.r.Client.Delete(ctx, b); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting the old backup Secret %s: %w", b.Name, err)
		}
	}
	return nil
}

func ownedBy(o client.Object, owner client.Object) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner.GetUID() })
}

func (s *scope) abandon() error {
	s.record().Abandon()
	s.deriveFacts()
	return nil
}

// recordSatisfied notes that somebody else's rotation makes one of our own unnecessary.
func (s *scope) recordSatisfied(r v1alpha1.RotationStatus) error {
	r.AccountID = s.accountID()
	if !s.record().Satisfied(r) {
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "Rotation %s of account %s satisfies %s; this cluster requests none",
		r.ID, s.accountID(), decide.OnTheClock(r.After.Time))
	return nil
}
