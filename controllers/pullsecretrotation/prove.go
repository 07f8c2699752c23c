package pullsecretrotation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// checkOld shows the credentials that a rotation has replaced to the registries that were asked about the new ones.
func (s *scope) checkOld(ctx context.Context) (seen decide.Facts, err error) {
	seen.OldChecks = []decide.Check{}
	r := decide.Proving(s.input())
	backup := &corev1.Secret{}
	key := s.ownKey(r.BackupSecret)
	if err := s.r.Reader.Get(ctx, key, backup); apierrors.IsNotFound(err) {
		return seen, nil
	} else if err != nil {
		return seen, fmt.Errorf("reading the backup Secret %s: %w", key, err)
	}
	for _, name := range slices.Sorted(maps.Keys(backup.Data)) {
		old := parse(backup.Data[name])
		if old == nil {
			continue
		}
		checks, err := s.check(ctx, old, s.replacedIn(r, name, old, seen.OldChecks))
		if err != nil {
			return seen, err
		}
		seen.OldChecks = append(seen.OldChecks, slices.DeleteFunc(checks, func(c decide.Check) bool { return c.Policy == v1alpha1.VerificationSkip })...)
	}
	return seen, nil
}

// replacedIn are the registries of a target's old entries which a rotation has replaced, and about which nobody was asked yet. What did
// not change lives on, and so does what is not the account's: OCM deletes neither.
func (s *scope) replacedIn(r *v1alpha1.RotationStatus, target string, old *pullsecret.Document, known []decide.Check) []string {
	applied := slices.ContainsFunc(s.obj.Status.Targets, func(row v1alpha1.TargetStatus) bool {
		return backupKey(v1alpha1.SecretReference{Namespace: row.Namespace, Name: row.Name}) == target && decide.Applied(&row)
	})
	return slices.DeleteFunc(old.Registries(), func(registry string) bool {
		e, _ := old.Entry(registry)
		fp := s.fingerprint(e)
		owner := s.record().Owner(fp)
		ofAccount := owner == r.AccountID || owner == "" && applied && s.own(s.accountID(), e)
		_, replaced := s.sourceIn(r.Issued, e)
		return !ofAccount || !replaced || decide.Holds(r.Issued, fp) || asked(known, registry, fp)
	})
}

// recordRevocation notes the answers, and tells once that the old credentials are dead, or are not.
func (s *scope) recordRevocation(_ context.Context, d decide.Decision) error {
	before := d.Rotation
	now := s.record().Tried(before.BackupSecret, s.facts.OldChecks, s.now())
	s.facts.OldChecks = nil
	accepted, _ := decide.StillAccepted(&now)
	switch {
	case now.RevocationProvenAt != nil:
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRevocationProven, "Prove", "Every registry refuses the credentials that rotation %s replaced", now.ID)
	case len(accepted) > 0 && s.r.Options.Overdue(&now) && !s.r.Options.Overdue(&before):
		s.event(corev1.EventTypeWarning, v1alpha1.ReasonOldCredentialsAccepted, "Prove", "%s", s.stillAccepted(&now, accepted))
	}
	return nil
}

// dropBackup deletes a backup that is of no more use. What was proven by it is on record before that.
func (s *scope) dropBackup(ctx context.Context, d decide.Decision) error {
	name := d.Rotation.BackupSecret
	backup := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.r.Options.Namespace, Name: name}}
	if err := s.r.Client.Delete(ctx, backup); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting the backup Secret %s: %w", name, err)
	}
	s.record().BackupDropped(name)
	s.facts.OldChecks = nil
	return nil
}
