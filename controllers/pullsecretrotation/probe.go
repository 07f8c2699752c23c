package pullsecretrotation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

// lookAtProbes reads the Pods with the mark of this object. Without the right to, none was created either.
func (s *scope) lookAtProbes(ctx context.Context) (seen decide.Facts, err error) {
	pods, err := s.r.probePods(ctx, s.obj.Name)
	if err != nil && !apierrors.IsForbidden(err) {
		return seen, err
	}
	facts := []decide.ProbeFact{}
	for i := range pods {
		p := &pods[i]
		if ownedBy(p, s.obj) && p.DeletionTimestamp.IsZero() {
			f := decide.ProbeFact{Pod: p.Name, UID: string(p.UID), Machine: p.Spec.NodeName}
			f.Result, f.Late = pulled(p)
			facts = append(facts, f)
		}
	}
	seen.Probes, s.memory.swept = &facts, true
	return seen, nil
}

// probePods are the Pods of an object's probes.
func (r *Reconciler) probePods(ctx context.Context, name string) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := r.Reader.List(ctx, list, client.InNamespace(r.Options.Namespace), client.MatchingLabels{probeLabel: shortName(name)}); err != nil {
		return nil, fmt.Errorf("listing the Pods of the probes: %w", err)
	}
	return list.Items, nil
}

// planProbe records that a Pod is about to be created.
func (s *scope) planProbe(ctx context.Context, d decide.Decision) error {
	s.record().PlanProbe(d.Pool, d.Machine, s.probeName(d.Pool), s.now())
	if err := s.flush(ctx); err != nil {
		return err
	}
	s.facts.ProbeIsOurs, s.facts.Probes = d.Pool, nil
	return nil
}

// startProbe creates the Pod that is on record. One of that name that is there already is somebody else's, or from before a crash: it is removed,
// and the attempt repeated later.
func (s *scope) startProbe(ctx context.Context, d decide.Decision) error {
	s.facts.ProbeIsOurs, s.facts.Probes = "", nil
	row := s.record().Probe(d.Pool)
	pod := s.probePod(row, s.poolFact(d.Pool))
	err := s.r.Client.Create(ctx, pod)
	switch {
	case err == nil:
		row.PodUID = string(pod.UID)
	case apierrors.IsAlreadyExists(err):
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsNotFound(err):
		s.log.Info("the Pod that is to pull the image cannot be created", "pool", d.Pool, "error", apierr.Words(err))
		s.record().ProbeNotCreated(d.Pool, s.now())
	default:
		return fmt.Errorf("creating the Pod %s: %w", pod.Name, err)
	}
	return nil
}

func (s *scope) poolFact(name string) decide.Pool {
	for _, p := range ptr.Deref(s.facts.Pools, nil) {
		if p.Name == name {
			return p
		}
	}
	return decide.Pool{Name: name}
}

// recordProbes records the machines' answers, and tells of the first refusal, of the end without an answer and of the end of all.
func (s *scope) recordProbes(context.Context, decide.Decision) error {
	before := s.rotation().DeepCopy().Probes
	s.record().Probed(s.input())
	for i, p := range s.rotation().Probes {
		switch {
		case p.RefusedSince != nil && before[i].RefusedSince == nil:
			s.event(corev1.EventTypeWarning, v1alpha1.ReasonProbeRefused, "Probe", "The registry refuses to serve %s to the machine %s of pool %s, which has the new pull secret of rotation %s",
				p.Image, p.Machine, p.Pool, s.rotation().ID)
		case p.EndedAt == nil || before[i].EndedAt != nil:
		case p.Result == v1alpha1.ProbePulled:
			s.event(corev1.EventTypeNormal, v1alpha1.ReasonProbesPulled, "Probe", "The machine %s of pool %s has pulled %s with the new pull secret of rotation %s",
				p.Machine, p.Pool, p.Image, s.rotation().ID)
		default:
			s.event(corev1.EventTypeWarning, decide.ReasonOfProbe(p.Result), "Probe", "No machine of pool %s has shown in time that it can pull %s with the new pull secret of rotation %s: %s",
				p.Pool, p.Image, s.rotation().ID, p.Result)
		}
	}
	return nil
}

// dropProbes removes the Pods whose answer nobody awaits, those that are not on record among them.
func (s *scope) dropProbes(ctx context.Context, d decide.Decision) error {
	pods, err := s.r.probePods(ctx, s.obj.Name)
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	for i := range pods {
		p := &pods[i]
		if !ownedBy(p, s.obj) || !d.All && decide.Believed(s.input(), decide.ProbeFact{Pod: p.Name, UID: string(p.UID)}) {
			continue
		}
		if err := s.r.removePod(ctx, p); err != nil {
			return err
		}
	}
	s.record().ProbesDropped(s.input(), d.All)
	s.facts.Probes = nil
	return nil
}

// removePod removes this Pod and none that has replaced it.
func (r *Reconciler) removePod(ctx context.Context, p *corev1.Pod) error {
	uid := p.UID
	err := r.Client.Delete(ctx, p, client.Preconditions{UID: &uid}, client.GracePeriodSeconds(0))
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting the Pod %s: %w", p.Name, err)
	}
	return nil
}

// sweep removes the Pods of an object that is gone or about to go, sooner than the garbage collector does. With an id, only those of that object.
func (r *Reconciler) sweep(ctx context.Context, name string, id types.UID) error {
	pods, err := r.probePods(ctx, name)
	if apierrors.IsForbidden(err) {
		return nil
	}
	errs := []error{err}
	for i := range pods {
		for _, owner := range pods[i].OwnerReferences {
			if owner.Name == name && (id == "" || owner.UID == id) {
				errs = append(errs, r.removePod(ctx, &pods[i]))
			}
		}
	}
	return errors.Join(errs...)
}

// checkProbe asks the image's registry whether it serves the image to the entries that the rotation has replaced.
func (s *scope) checkProbe(ctx context.Context) (seen decide.Facts, err error) {
	seen.ProbeChecks = []decide.Check{}
	image := s.obj.Spec.Rollout.Probe.Image
	doc, old := s.documentOf(decide.GlobalPullSecret), s.backup[decide.GlobalPullSecret]
	if doc == nil || old == nil {
		return seen, nil
	}
	name, ok := entryFor(doc, image)
	fresh, _ := doc.Entry(name)
	entry, had := old.Entry(name)
	if !ok || !had || s.fingerprint(fresh) == s.fingerprint(entry) || !decide.Holds(s.rotation().Issued, s.fingerprint(fresh)) {
		return seen, nil // this rotation has not changed what the image is pulled with
	}
	prober, err := s.prober(ctx)
	if err != nil {
		return seen, err
	}
	seen.ProbeChecks = append(seen.ProbeChecks, decide.Check{
		Registry: name, Policy: v1alpha1.VerificationRequired, Named: true, Fingerprint: s.fingerprint(entry),
		Result: answer(prober.Check(ctx, registry.Check{Registry: name, Image: image, Username: entry.Username, Password: entry.Password})),
	})
	return seen, nil
}

func (s *scope) documentOf(ref v1alpha1.SecretReference) *pullsecret.Document {
	for _, t := range s.targets {
		if t.ref == ref {
			return t.doc
		}
	}
	return nil
}

// entryFor is the entry that kubelet tries first for an image: of those for its host, the one with the longest path that the image's begins with.
func entryFor(doc *pullsecret.Document, image string) (best string, found bool) {
	host, path, _ := strings.Cut(image, "/")
	longest := -1
	for _, key := range doc.Registries() {
		bare := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
		_, prefix, _ := strings.Cut(strings.TrimSuffix(bare, "/"), "/")
		if registry.Host(key) != registry.Host(host) || !strings.HasPrefix(path, prefix) || len(prefix) <= longest {
			continue
		}
		best, longest, found = key, len(prefix), true
	}
	return best, found
}
