package pullsecretrotation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// Reconciler reconciles PullSecretRotations.
type Reconciler struct {
	// Client writes; Reader reads without a cache, because a decision on an outdated status could repeat an effect.
	Client   client.Client
	Reader   client.Reader
	Recorder events.EventRecorder
	Options  Options
	// Connect makes clients of the services; tests provide their own.
	Connect Connector
	// MayPatch says whether the operator may write a target; nil means yes.
	MayPatch func(ctx context.Context, target v1alpha1.SecretReference) (bool, error)
	// judge replaces decide.Decide in tests that break it on purpose.
	judge func(decide.Input) decide.Decision

	mu sync.Mutex
	// memory of this process, by object: losing it costs one poll of OCM.
	memory map[types.UID]*memory
}

// memory is what this process remembers about an object between reconciles.
type memory struct {
	// lastToken is when OCM was last asked for an access_token.
	lastPoll, lastToken time.Time
	// lastProgress is when OCM was last asked which clusters have not switched.
	lastProgress time.Time
	// changedSince is when spec and surroundings were first seen as they are.
	changed      string
	changedSince time.Time
	failures     int
	// swept is true once Pods of a probe were looked for that are not on record.
	swept bool
	// proven is the state when the pull secret in use was last checked, lookedAt when OCM was last asked.
	proven, lookedAt string
	// account is the owner of the OCM credential by OCM's last answer, and accountOf the OCM and the credential of that answer.
	account   *decide.Account
	accountOf [sha256.Size]byte
	// limited is the last refusal of OCM or the SSO with a Retry-After, and retryAfter when that ends.
	limited    *ocm.Error
	retryAfter time.Time
	// limitedAs are the OCM and the credentials that were refused: any other is tried at once.
	limitedAs [2][sha256.Size]byte
}

// maxSteps limits one reconcile. The longest course, from an adopted rotation to its end, has about twenty steps.
const maxSteps = 64

// Reconcile decides and performs steps until the decision is to wait. It has one exit, where the status is summarised and written once, if it
// changed.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	obj := &v1alpha1.PullSecretRotation{}
	if err := r.Reader.Get(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.Name)
			return ctrl.Result{}, apierr.Plain(r.sweep(ctx, req.Name, ""))
		}
		return ctrl.Result{}, err
	}
	if !obj.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, apierr.Plain(r.sweep(ctx, obj.Name, obj.UID))
	}
	s := newScope(ctx, r, obj)
	defer s.close()
	r.watch(obj)

	d, err := s.run(ctx)
	if err != nil && ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err() // shutting down: nothing has failed, and the next leader decides anew
	}
	if err != nil {
		s.takeBackIntent()
		d = s.failure(err)
	} else {
		s.memory.failures = 0
		s.lookAtProgress(ctx)
	}
	if d.State != "" {
		s.summarise(d)
	}
	if err := s.flush(ctx); err != nil {
		if apierrors.IsConflict(err) {
			return ctrl.Result{RequeueAfter: time.Second}, nil // somebody changed the object: decide again
		}
		return ctrl.Result{}, apierr.Plain(fmt.Errorf("writing the status: %w", err))
	}
	return ctrl.Result{RequeueAfter: max(d.After, time.Second)}, nil
}

// run performs steps until the decision is to wait.
func (s *scope) run(ctx context.Context) (decide.Decision, error) {
	s.record().NoteSchedule(s.input())
	for range maxSteps {
		d := s.decide()
		if d.Step == decide.Wait {
			return d, nil
		}
		s.log.V(1).Info("step", "step", d.Step)
		if err := s.perform(ctx, d); err != nil {
			return d, err
		}
	}
	return decide.Decision{}, errors.New("the reconcile does not reach a wait: this is a bug, please report it")
}

func (s *scope) decide() decide.Decision {
	s.deriveFacts()
	if s.r.judge != nil {
		return s.r.judge(s.input())
	}
	return decide.Decide(s.input())
}

func (r *Reconciler) remember(obj *v1alpha1.PullSecretRotation) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory == nil {
		r.memory = map[types.UID]*memory{}
	}
	m, ok := r.memory[obj.UID]
	if !ok {
		m = &memory{}
		r.memory[obj.UID] = m
	}
	return m
}

// watchOwner names an object to the Secret watcher.
func watchOwner(name string) string { return "pullsecretrotation/" + name }

// watch makes changes of the targets and of the OCM credential trigger a reconcile.
func (r *Reconciler) watch(obj *v1alpha1.PullSecretRotation) {
	if r.Options.Secrets == nil {
		return
	}
	if decide.InvalidNames(&obj.Spec) != nil {
		r.Options.Secrets.Watch(watchOwner(obj.Name)) // nothing: an invalid name must not reach any request
		return
	}
	refs := make([]types.NamespacedName, 0, len(obj.Spec.Targets)+1)
	for _, t := range obj.Spec.Targets {
		refs = append(refs, types.NamespacedName{Namespace: t.Namespace, Name: t.Name})
	}
	if ref := obj.Spec.OCM.CredentialsSecretRef; ref != nil {
		refs = append(refs, types.NamespacedName{Namespace: r.Options.Namespace, Name: ref.Name})
	}
	r.Options.Secrets.Watch(watchOwner(obj.Name), refs...)
}

func (r *Reconciler) forget(name string) {
	forgetAllMetrics(name)
	if r.Options.Secrets != nil {
		r.Options.Secrets.Forget(watchOwner(name))
	}
}
