package capcredentialset

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// outcomeKind is what came of giving a credential to a Secret.
type outcomeKind int

const (
	// wrote: the Secret has it now.
	wrote outcomeKind = iota
	// kept: the Secret keeps what it has, which is the same or lives longer.
	kept
	// superseded: another writer has refreshed it meanwhile.
	superseded
)

type outcome struct {
	kind outcomeKind
	// hash and expires of what the Secret keeps.
	hash    string
	expires time.Time
	expiry  v1alpha1.ExpiryKnowledge
}

// writeError is why a Secret could not be written, as a row says it.
type writeError struct{ reason, message string }

// maxConflicts is how often a write that met another one is tried again at once. Each time somebody else has written, so
// more means a fight.
const maxConflicts = 5

// write gives a credential to a Secret: all keys and the bookkeeping in one server-side apply, under the condition that the Secret
// is still the one that the decision was made on. Its other keys, its labels and its type are not ours and stay.
func (r *reconciler) write(ctx context.Context, s *scope, row plan.Row, g gift) (outcome, *writeError) {
	live := row.Observation
	for range maxConflicts {
		data := dataFor(g.credential, live)
		hash := awscreds.Hash(s.hashKey, data)
		if o, ok := r.needless(ctx, s, row, g, live, hash); ok {
			return o, nil
		}
		b := plan.Books{Role: g.role, RefreshedAt: g.fetched, ExpiresAt: g.expires, Expiry: g.expiry}
		seal := awscreds.Seal(s.hashKey, statement(row.Ref.Namespace, row.Ref.Name, live.Uid, b), data)
		secret, err := r.apply(ctx, row.Ref, live, data, b.Annotations(s.set.Name, seal))
		if err == nil {
			r.store.Observe(secret)
			return outcome{wrote, hash, g.expires, g.expiry}, nil
		}
		if !apierrors.IsConflict(err) && !(apierrors.IsNotFound(err) && live.Found) {
			return outcome{}, r.judgeWrite(row.Ref, err)
		}
		if live, err = r.reread(ctx, row.Ref, s.hashKey); err != nil {
			return outcome{}, r.judgeWrite(row.Ref, err)
		}
		if e := becameImpossible(s, row, live); e != nil {
			return outcome{}, e
		}
	}
	return outcome{}, &writeError{v1alpha1.ReasonConflict, "Somebody else writes this Secret all the time, so it could not be written. Find out who, in its managedFields."}
}

// needless is the outcome of a write that changes nothing, or would replace something better.
func (r *reconciler) needless(ctx context.Context, s *scope, row plan.Row, g gift, live plan.Observation, hash string) (outcome, bool) {
	switch {
	case live.Found && live.Hash == hash:
		return outcome{kept, hash, g.expires, g.expiry}, true
	case live.Found && live.ResourceVersion != row.ResourceVersion && live.RefreshedSince(row):
		return outcome{kind: superseded}, true
	case row.Why == string(schedule.RefreshScheduled) && row.Outlives(g.expiry, g.expires) && r.lives(ctx, s, row):
		return outcome{kept, live.Hash, row.ExpiresAt, row.Expiry}, true
	}
	return outcome{}, false
}

// becameImpossible is why a Secret that somebody has made or deleted meanwhile may not be written any more; nil when it may.
func becameImpossible(s *scope, row plan.Row, live plan.Observation) *writeError {
	switch {
	case !row.Found && (live.NotOpaque || live.Foreign && !row.Adopt): // somebody was quicker in making it
		return &writeError{v1alpha1.ReasonSecretNotOurs, plan.NotOursMessage}
	case !live.Found && !plan.MayCreate(&s.set.Spec):
		return &writeError{v1alpha1.ReasonSecretMissing, plan.MissingMessage}
	}
	return nil
}

// dataFor is what a Secret gets. Server-side apply takes away a session token that the operator wrote earlier and now leaves
// out, but not one that somebody else wrote; that one is emptied, so that no key has a token of another key's.
func dataFor(c awscreds.Credential, live plan.Observation) map[string][]byte {
	data := awscreds.Render(c)
	if _, ok := data[awscreds.KeySessionToken]; !ok && live.StaleToken {
		data[awscreds.KeySessionToken] = []byte{}
	}
	return data
}

// apply sends the patch. Server-side apply that creates is authorised as a create with the Secret's name, so the same
// resourceNames allow both. One that is to create changes no key that somebody has written in the same moment.
func (r *reconciler) apply(ctx context.Context, ref types.NamespacedName, live plan.Observation, data map[string][]byte, annotations map[string]string) (*corev1.Secret, error) {
	secret := corev1ac.Secret(ref.Name, ref.Namespace).WithType(corev1.SecretTypeOpaque).WithAnnotations(annotations).WithData(data)
	if live.Found {
		secret.WithUID(types.UID(live.Uid)).WithResourceVersion(live.ResourceVersion)
	}
	return r.secrets.Secrets(ref.Namespace).Apply(ctx, secret, metav1.ApplyOptions{FieldManager: managedfields.Operator, Force: live.Found})
}

// reread looks at a Secret itself, after a write met another one.
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

// judgeWrite says why the API server did not take a Secret. Its own words are not repeated: they may quote the object.
func (r *reconciler) judgeWrite(ref types.NamespacedName, err error) *writeError {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), apierrors.IsNotFound(err):
		return &writeError{v1alpha1.ReasonNamespaceMissing, "The namespace does not exist or is being deleted. The Secret is created as soon as it can be."}
	case apierr.MissingRight(err):
		return &writeError{v1alpha1.ReasonForbidden, forbiddenMessage(ref, "write", r.Namespace)}
	case apierrors.IsInvalid(err):
		return &writeError{v1alpha1.ReasonWriteRefused, "The API server does not accept the new content; most likely the Secret is immutable. Delete it: the operator creates it anew."}
	case apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return &writeError{v1alpha1.ReasonWriteRefused, "An admission plugin or a quota of this cluster refuses the write. Look for it in the API server's audit log."}
	}
	return &writeError{v1alpha1.ReasonInternalError, fmt.Sprintf("The API server did not take the write (%s). The operator will retry.", apierr.Reason(err))}
}
