package capcredentialset

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// outcomeKind is the outcome of delivering a credential to a Secret.
type outcomeKind int

const (
	// wrote: the Secret now has the credential.
	wrote outcomeKind = iota
	// kept: the Secret keeps its credential, which is the same or expires later.
	kept
	// superseded: another writer has refreshed it in the meantime, or what was decided about it no longer counts.
	superseded
)

type outcome struct {
	kind outcomeKind
	// hash and expires of the credential in the Secret.
	hash    string
	expires time.Time
	expiry  v1alpha1.ExpiryKnowledge
}

// writeError is why a Secret could not be written, as reported in its row.
type writeError struct{ reason, message string }

// maxConflicts is how often a conflicting write is retried at once. More conflicts mean a fight.
const maxConflicts = 5

// write delivers a credential to a Secret: all keys and the bookkeeping in one request, provided that the Secret has not changed since
// the decision. Its other keys, labels and type stay.
func (r *reconciler) write(ctx context.Context, s *scope, row plan.Row, d delivery) (outcome, *writeError) {
	live := row.Observation
	for n := range maxConflicts {
		if n > 0 || r.outdated(s, live) {
			var err error
			if live, err = r.reread(ctx, row.Ref, s.hashKey); err != nil {
				return outcome{}, r.judgeWrite(row.Ref, err)
			}
			if e := becameImpossible(s, row, live); e != nil {
				return outcome{}, e
			}
			if r.late(s) && live.ResourceVersion != row.ResourceVersion { // the next round decides about it anew
				return outcome{kind: superseded}, nil
			}
		}
		if dead(d.expires, r.now()) { // the process has stood still meanwhile
			return outcome{kind: superseded}, nil
		}
		data := dataFor(d.credential, live)
		hash := awscreds.Hash(s.hashKey, data)
		if o, ok := r.needless(ctx, s, row, d, live, hash); ok {
			return o, nil
		}
		b := plan.Bookkeeping{Role: d.role, RefreshedAt: d.fetched, ExpiresAt: d.expires, Expiry: d.expiry}
		seal := awscreds.Seal(s.hashKey, statement(row.Ref.Namespace, row.Ref.Name, live.Uid, b), data)
		secret, err := r.send(ctx, row.Ref, live, data, b.Annotations(s.set.Name, seal))
		if err == nil {
			r.store.Observe(secret)
			return outcome{wrote, hash, d.expires, d.expiry}, nil
		}
		if !apierrors.IsConflict(err) && !(apierrors.IsNotFound(err) && live.Found) {
			return outcome{}, r.judgeWrite(row.Ref, err)
		}
	}
	return outcome{}, &writeError{v1alpha1.ReasonConflict, "Somebody else keeps writing this Secret, so the operator could not write it. See its " +
		"managedFields for the other writer."}
}

// actWithin is how long after a look a Secret may be created, or written although it has changed. A process that has stood still must not go on with
// what it had decided: the next leader may have written the Secret, even with a hash key that this process does not know. And the API server cannot be
// told to create only.
const actWithin = 30 * time.Second

// late is true once what was decided by the last look is about Secrets as they were.
func (r *reconciler) late(s *scope) bool { return r.now().Sub(s.looked) > actWithin }

// outdated is true for a missing Secret that may have been created since the look.
func (r *reconciler) outdated(s *scope, live plan.Observation) bool { return !live.Found && r.late(s) }

// needless is the outcome if a write would change nothing, or replace a better credential.
func (r *reconciler) needless(ctx context.Context, s *scope, row plan.Row, d delivery, live plan.Observation, hash string) (outcome, bool) {
	switch {
	case live.Found && live.Hash == hash:
		return outcome{kept, hash, d.expires, d.expiry}, true
	case live.Found && live.ResourceVersion != row.ResourceVersion && live.RefreshedSince(row):
		return outcome{kind: superseded}, true
	case row.Why == string(schedule.RefreshScheduled) && row.Outlives(d.expiry, d.expires) && r.lives(ctx, s, row):
		return outcome{kept, live.Hash, row.ExpiresAt, row.Expiry}, true
	}
	return outcome{}, false
}

// becameImpossible is why a Secret that somebody has created, filled or deleted in the meantime may no longer be written; nil if it may.
func becameImpossible(s *scope, row plan.Row, live plan.Observation) *writeError {
	switch {
	case !row.Found && live.NotOpaque, live.Foreign && !row.Adopt && !s.memory.Kept[row.Ref]: // somebody else was quicker
		return &writeError{v1alpha1.ReasonSecretNotOurs, plan.NotOursMessage}
	case !live.Found && !plan.MayCreate(&s.set.Spec):
		return &writeError{v1alpha1.ReasonSecretMissing, plan.MissingMessage}
	}
	return nil
}

// dataFor is the data for a Secret. A session token that has no successor is emptied, whoever wrote it, so that a key never stands
// beside another key's token.
func dataFor(c awscreds.Credential, live plan.Observation) map[string][]byte {
	data := awscreds.Render(c)
	if _, ok := data[awscreds.KeySessionToken]; !ok && live.StaleToken {
		data[awscreds.KeySessionToken] = []byte{}
	}
	return data
}

// send sends the request. A Secret that the operator has written itself gets a patch, which costs the API server half as much as an
// apply. A Secret that is created, taken over or repaired is applied, so that the operator owns the keys and the type is right.
func (r *reconciler) send(ctx context.Context, ref types.NamespacedName, live plan.Observation, data map[string][]byte, annotations map[string]string) (*corev1.Secret, error) {
	if live.Found && live.AsWritten() {
		return r.patch(ctx, ref, live, data, annotations)
	}
	if !live.Found {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, actWithin)
		defer cancel()
	}
	return r.apply(ctx, ref, live, data, annotations)
}

// patch sends a strategic merge patch, which makes of a Secret's keys and annotations what a merge patch does, but for which the API server need
// not encode and decode the whole Secret as JSON. It then records the operator as the only owner of the keys that change, in an entry beside that
// of its applies.
func (r *reconciler) patch(ctx context.Context, ref types.NamespacedName, live plan.Observation, data map[string][]byte, annotations map[string]string) (*corev1.Secret, error) {
	return r.request(ctx, ref, types.StrategicMergePatchType, corev1ac.SecretApplyConfiguration{
		ObjectMetaApplyConfiguration: (&metav1ac.ObjectMetaApplyConfiguration{}).WithUID(types.UID(live.Uid)).WithResourceVersion(live.ResourceVersion).WithAnnotations(annotations),
		Data:                         data,
	}, nil)
}

// apply sends a server-side apply. A creating one is authorised as a create with the Secret's name, so the same resourceNames allow both. It
// does not change keys that somebody has written at the same time.
func (r *reconciler) apply(ctx context.Context, ref types.NamespacedName, live plan.Observation, data map[string][]byte, annotations map[string]string) (*corev1.Secret, error) {
	secret := corev1ac.Secret(ref.Name, ref.Namespace).WithType(corev1.SecretTypeOpaque).WithAnnotations(annotations).WithData(data)
	if live.Found {
		secret.WithUID(types.UID(live.Uid)).WithResourceVersion(live.ResourceVersion)
	}
	return r.request(ctx, ref, types.ApplyPatchType, *secret, &live.Found)
}

// request sends one patch. The API server need not look for unknown and repeated fields, for which it would read the body once more: the body
// comes from a type, which has neither.
func (r *reconciler) request(ctx context.Context, ref types.NamespacedName, kind types.PatchType, secret corev1ac.SecretApplyConfiguration, force *bool) (*corev1.Secret, error) {
	body, err := json.Marshal(secret)
	if err != nil {
		return nil, fmt.Errorf("encoding the patch of a Secret: %w", err)
	}
	return r.secrets.Secrets(ref.Namespace).Patch(ctx, ref.Name, kind, body, metav1.PatchOptions{
		FieldManager: managedfields.Operator, Force: force, FieldValidation: metav1.FieldValidationIgnore,
	})
}

// reread reads a Secret from the API server after a conflict.
func (r *reconciler) reread(ctx context.Context, ref types.NamespacedName, key []byte) (plan.Observation, error) {
	secret, err := r.secrets.Secrets(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return plan.Observation{Known: true}, nil
	}
	if err != nil {
		return plan.Observation{}, err
	}
	r.store.Observe(secret)
	return observe(secret, key), nil
}

// judgeWrite says why the API server refused a Secret. It does not repeat the server's text, which may quote the object.
func (r *reconciler) judgeWrite(ref types.NamespacedName, err error) *writeError {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err):
		return &writeError{v1alpha1.ReasonNamespaceMissing, "The namespace does not exist or is being deleted. The operator creates the Secret as soon as possible."}
	case apierr.MissingRight(err):
		return &writeError{v1alpha1.ReasonForbidden, forbiddenMessage(ref, "write", r.Namespace)}
	case apierrors.IsInvalid(err):
		return &writeError{v1alpha1.ReasonWriteRefused, "The API server does not accept the new content; most likely the Secret is immutable. " +
			"Delete it so that the operator recreates it."}
	case apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return &writeError{v1alpha1.ReasonWriteRefused, "An admission plugin or a quota of this cluster refuses the write. See the API server's " +
			"audit log for which."}
	}
	return &writeError{v1alpha1.ReasonInternalError, fmt.Sprintf("The API server did not accept the write (%s). The operator will retry.", apierr.Cause(err))}
}
