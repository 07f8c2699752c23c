package pullsecretrotation

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/statuspatch"
)

// scope is one reconcile of one object: the object, the facts gathered so far, and the documents behind them.
type scope struct {
	// Set by newScope. record and the report change the object's status; stored is the object as in the API server, updated by flush.
	log    logr.Logger
	r      *Reconciler
	obj    *v1alpha1.PullSecretRotation
	stored *v1alpha1.PullSecretRotation
	// memory belongs to the process and outlives the scope.
	memory *memory

	// facts are empty at first. learn adds the results of looks; deriveFacts adds, before each decision, what follows from the documents and the
	// status. A step removes facts that it has made outdated.
	facts decide.Facts

	// targets are nil until lookAtTargets. write replaces a target's document; finding a target unusable clears it.
	targets []target
	// surroundings is a hash of the OCM credential and the trusted CAs; empty until lookAtTargets.
	surroundings string
	// credentialSecret and caBundle are those that spec.ocm names.
	credentialSecret own[*corev1.Secret]
	caBundle         own[*corev1.ConfigMap]
	// issued is nil until lookAtIssued, and if that finds nothing.
	issued *pullsecret.Document
	// backup has the old entries of each target. It is nil until lookAtBackup, and if the backup is gone.
	backup map[v1alpha1.SecretReference]*pullsecret.Document
	// asked are OCM's answers about the targets' own tokens, by fingerprint; nil until lookAtOwner.
	asked map[string]tokenAnswer
	// printer is nil until the first fingerprint.
	printer *pullsecret.Fingerprinter
	// clients are created by the first look that needs them, and closed at the end.
	clients *clients

	// noted are the targets whose results noteTarget has recorded in this reconcile.
	noted map[v1alpha1.SecretReference]bool
	// write sets wrote once a target was written.
	wrote bool
}

// target is a target Secret, read by readTarget.
type target struct {
	ref    v1alpha1.SecretReference
	secret *corev1.Secret
	// doc is nil once the target has a problem.
	doc     *pullsecret.Document
	problem problem
}

// problem is a reason and its sentence.
type problem struct{ reason, message string }

func newScope(ctx context.Context, r *Reconciler, obj *v1alpha1.PullSecretRotation) *scope {
	return &scope{log: log.FromContext(ctx), r: r, obj: obj, stored: obj.DeepCopy(), memory: r.remember(obj), clients: &clients{}}
}

func (s *scope) input() decide.Input {
	return decide.Input{
		Name: s.obj.Name, Generation: s.obj.Generation, Created: s.obj.CreationTimestamp.Time, Edited: managedfields.LastEdit(s.obj.ManagedFields), Approved: s.obj.Annotations[v1alpha1.ApprovedAnnotation],
		Spec: &s.obj.Spec, Status: &s.obj.Status, Facts: &s.facts, Timing: &s.r.Options.Timing,
		LastPoll: s.memory.lastPoll, LastToken: s.memory.lastToken, LastProgress: s.memory.lastProgress, ChangedSince: s.memory.changedSince, Now: s.now(),
		Unswept: s.obj.Spec.Rollout.Probe != nil && !s.memory.swept, Unproven: s.changed(s.memory.proven), Unasked: s.changed(s.memory.lookedAt),
	}
}

func (s *scope) now() time.Time { return s.r.Options.Clock.Now() }

func (s *scope) timestamp() *metav1.Time { return decide.TimePtr(s.now()) }

func (s *scope) record() decide.Record { return decide.Record{PullSecretRotationStatus: &s.obj.Status} }

func (s *scope) rotation() *v1alpha1.RotationStatus { return s.obj.Status.Rotation }

// flush writes the status if it changed: a second look within one second changes nothing. The optimistic lock keeps two replicas, or one with an
// outdated view, from both recording an intent.
func (s *scope) flush(ctx context.Context) error {
	conditions.KeepTimes(s.obj, s.stored.Status.Conditions)
	patch, err := statuspatch.New(s.stored.ResourceVersion, s.stored.Status, s.obj.Status)
	if patch == nil || err != nil {
		return err
	}
	status := s.obj.Status.DeepCopy()
	if err := s.r.Client.Status().Patch(ctx, s.obj, patch, client.FieldOwner(managedfields.Operator)); err != nil {
		return err
	}
	s.stored = s.obj.DeepCopy()
	s.obj.Status = *status // times keep their fractions until the end of the reconcile
	s.stored.Status = *status.DeepCopy()
	return nil
}

func (s *scope) close() { s.clients.close() }
