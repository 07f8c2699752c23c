package pullsecretrotation

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/test/fakeapi"
)

// replay is a path of the model that the real reconciler follows too, with an API server in memory. The world is the model's; each
// reconcile is done by the model and by the reconciler, and both must end in the same record with the same effects.
type replay struct {
	t       *testing.T
	m       *model
	world   world // the model's, and the common one before each reconcile
	there   world // the one for the reconciler's services
	now     time.Time
	api     client.Client
	r       *Reconciler
	story   []string
	written world // in the API server
}

// replayDocument is the document of a generation.
func replayDocument(g generation) []byte {
	if g < 0 {
		return []byte(unreadable)
	}
	s := set{ours, int8(g)}
	return []byte(documentOf([]entryOf{{registryNames[cloud], wideAuth(s, cloud), "ours@example.com"}, {registryNames[quay], wideAuth(s, quay), ""}}))
}

func newReplay(t *testing.T, c *scenario) *replay {
	p := &replay{t: t, m: &model{scenario: c, decide: decide.Decide}, now: firstT}
	p.world = c.first()
	p.now = firstT.Add(time.Duration(p.world.now) * tick)
	p.api = fakeapi.NewClientBuilder().WithObjects(
		&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: wideCluster}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ocm"}, Data: map[string][]byte{"token": []byte("ours")}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "pull-secret"}, Type: corev1.SecretTypeDockerConfigJson,
			Data: map[string][]byte{corev1.DockerConfigJsonKey: replayDocument(p.world.target)}},
		&machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: "worker"}},
	).WithInterceptorFuncs(interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		if _, ok := o.(*corev1.Pod); ok {
			o.SetUID(types.UID(fmt.Sprint("pod", len(p.story))))
		}
		return c.Create(ctx, o, opts...)
	}}).Build()
	p.r = &Reconciler{Client: p.api, Reader: p.api, Connect: replayServices{p}, Options: Options{Timing: modelOptions, Namespace: operatorNamespace, Clock: replayClock{p}}}
	p.r.Options.SetDefaults()
	p.create()
	p.written = p.world
	return p
}

type replayClock struct{ p *replay }

func (c replayClock) Now() time.Time                  { return c.p.now }
func (c replayClock) Since(t time.Time) time.Duration { return c.p.now.Sub(t) }

func (p *replay) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *replay) spec() v1alpha1.PullSecretRotationSpec {
	return *p.m.input(&p.world, &replica{spec: p.world.spec, status: p.world.status}).Spec
}

func (p *replay) create() {
	o := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "model", Generation: 1, UID: types.UID(fmt.Sprint("uid", len(p.story))),
		CreationTimestamp: metav1.NewTime(firstT.Add(-epochLength))}, Spec: p.spec()}
	o.Annotations = p.approval()
	p.must(p.api.Create(quiet, o))
	o.Status.Salt = wideSalt
	p.must(p.api.Status().Update(quiet, o))
}

func (p *replay) approval() map[string]string {
	if !p.world.spec.approved {
		return nil
	}
	return map[string]string{v1alpha1.ApprovedAnnotation: timeOf(p.world.spec.epoch).Format(time.RFC3339)}
}

func (p *replay) object() *v1alpha1.PullSecretRotation {
	o := &v1alpha1.PullSecretRotation{}
	p.must(p.api.Get(quiet, client.ObjectKey{Name: "model"}, o))
	return o
}

// bring applies the world's changes to the API server.
func (p *replay) bring(name string) {
	w, before := &p.world, &p.written
	if name == "time passes" {
		p.now = p.now.Add(tick)
		if m := p.remembered(); m != nil {
			m.lastPoll = time.Time{}
		}
	}
	if w.spec.epoch != before.spec.epoch {
		p.now = timeOf(w.spec.epoch)
	}
	if name == "a person recreates the object" {
		p.must(p.api.Delete(quiet, p.object()))
		p.create()
	} else {
		o := p.object()
		o.Spec, o.Annotations = p.spec(), p.approval()
		o.Generation++
		p.must(p.api.Update(quiet, o))
	}
	if w.target != before.target {
		secret := &corev1.Secret{}
		p.must(p.api.Get(quiet, client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}, secret))
		secret.Data[corev1.DockerConfigJsonKey] = replayDocument(w.target)
		p.must(p.api.Update(quiet, secret))
	}
	p.written = *w
}

func (p *replay) remembered() *memory { return p.r.memory[p.object().UID] }

// pools updates the pool.
func (p *replay) pools() {
	pool := &machineconfigurationv1.MachineConfigPool{}
	p.must(p.api.Get(quiet, client.ObjectKey{Name: "worker"}, pool))
	f := p.world.pool.fact()
	pool.Spec.Paused, pool.Spec.Configuration.Name, pool.Status.Configuration.Name = f.Paused, f.Wanted, f.Current
	pool.Status.MachineCount, pool.Status.UpdatedMachineCount, pool.Status.Conditions = f.Machines, f.Updated, nil
	if f.Degraded {
		pool.Status.Conditions = []machineconfigurationv1.MachineConfigPoolCondition{{Type: machineconfigurationv1.MachineConfigPoolDegraded, Status: corev1.ConditionTrue}}
	}
	p.must(p.api.Update(quiet, pool))
	p.machine()
	for _, pod := range p.pods() {
		answers := map[verdict]string{accepted: "CreateContainerConfigError", refused: "ErrImagePull", unanswered: "ErrImagePull"}
		if reason := answers[p.world.pod.answer]; reason != "" {
			waiting := &corev1.ContainerStateWaiting{Reason: reason, Message: map[verdict]string{refused: "unauthorized"}[p.world.pod.answer]}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: probeContainer, State: corev1.ContainerState{Waiting: waiting}}}
			p.must(p.api.Status().Update(quiet, &pod))
		}
	}
}

func (p *replay) pods() []corev1.Pod {
	list := &corev1.PodList{}
	p.must(p.api.List(quiet, list))
	return list.Items
}

// machine brings the MachineConfigNode as it is now, if the cluster has that kind.
func (p *replay) machine() {
	machines := *p.world.pool.machines()
	if len(machines) == 0 {
		return
	}
	m := machines[0]
	n := &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: m.Name}}
	p.must(client.IgnoreNotFound(p.api.Delete(quiet, n)))
	n.Spec.Pool.Name, n.Status.ConfigVersion = m.Pool, &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: m.Current}
	for kind, is := range map[machineconfigurationv1.StateProgress]bool{machineconfigurationv1.MachineConfigNodeUpdated: m.Updated, machineconfigurationv1.MachineConfigNodeNodeDegraded: m.Degraded} {
		status := map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionFalse}[is]
		n.Status.Conditions = append(n.Status.Conditions, metav1.Condition{Type: string(kind), Status: status})
	}
	p.must(p.api.Create(quiet, n))
}

// reconcile runs both once; the error shows where they differ.
func (p *replay) reconcile() error {
	p.pools()
	p.there = p.world
	p.m.start(&p.world, 0)
	for p.world.replicas[0].running && p.world.broken == "" {
		p.m.step(&p.world, 0, answered)
	}
	o := p.object()
	m := p.r.remember(o)
	state := (&wideModel{}).stateOf(p.r, &wide{object: o})
	m.proven, m.lookedAt = state, state // the model verifies again only on the interval
	if _, err := p.r.Reconcile(quiet, ctrl.Request{NamespacedName: types.NamespacedName{Name: "model"}}); err != nil {
		return fmt.Errorf("the reconcile fails: %w", err)
	}
	secret := &corev1.Secret{}
	p.must(p.api.Get(quiet, client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}, secret))
	p.there.target = none
	if s, ok := setsOf(string(secret.Data[corev1.DockerConfigJsonKey]))[registryNames[quay]]; ok {
		p.there.target = generation(s.generation)
	}
	o = p.object()
	says, meant := viewOf(&o.Status), p.world.status.view()
	if pods := len(p.pods()); pods > 1 || (pods == 1) != p.world.pod.exists {
		return fmt.Errorf("there are %d Pods, and in the model %+v\npath:\n  %s", pods, p.world.pod, strings.Join(p.story, "\n  "))
	}
	if says != meant || p.there.target != p.world.target || p.there.ocm != p.world.ocm || p.there.posts != p.world.posts {
		return fmt.Errorf("the model and the reconciler differ:\n  model      %+v, target %d, %d requests\n  reconciler %+v, target %d, %d requests, %+v\npath:\n  %s",
			meant, p.world.target, p.world.posts, says, p.there.target, p.there.posts, o.Status.Conditions, strings.Join(p.story, "\n  "))
	}
	p.written = p.world
	return nil
}

// goSome follows a path, and counts its moves and the reconciles among them.
func (p *replay) goSome(chance *rand.Rand, moves, looks *int) error {
	for range replaySteps {
		*moves++
		if chance.Intn(2) != 0 {
			p.anything(chance)
			continue
		}
		*looks++
		p.story = append(p.story, "the operator reconciles")
		if err := p.reconcile(); err != nil {
			return err
		}
	}
	return nil
}

// view is the part of a record that both have.
type view struct {
	under                                           bool
	id, after                                       int8
	adopted, catchUp, completed                     bool
	issued                                          generation
	intended, applied, rolledOut, rolledBack, ended bool
	healed                                          int8
	probe                                           v1alpha1.ProbeResult
	asked, asking                                   bool
}

func (s *record) view() view {
	if !s.under {
		return view{}
	}
	v := view{under: true, id: s.id, after: s.after, adopted: s.adopted, catchUp: s.catchUp, completed: s.seenCompleted, issued: none,
		applied: s.applied >= 0, rolledOut: s.rolledOut, rolledBack: s.rolledBack, ended: s.revoked, healed: s.healed}
	if s.issuedAge >= 0 {
		v.issued = s.issued
	}
	v.probe, v.asked, v.asking = s.probe.result, s.probe.ended, s.probe.pod
	if s.id < 0 {
		v.intended = s.intended >= 0
	}
	return v.settled()
}

func viewOf(s *v1alpha1.PullSecretRotationStatus) view {
	r := s.Rotation
	if r == nil {
		return view{}
	}
	v := view{under: true, id: none, after: none, adopted: r.Adopted, catchUp: r.Reason == v1alpha1.TriggerCatchUp, completed: r.OCMStatus == decide.RotationCompleted,
		issued: none, applied: r.AppliedAt != nil, rolledOut: r.RolledOutAt != nil, rolledBack: r.RolledBackAt != nil, ended: r.RevokedAt != nil}
	for _, p := range r.Probes {
		v.probe, v.asked, v.asking = p.Result, p.EndedAt != nil, p.Pod != ""
	}
	for i := range int8(maxRotations) {
		if r.ID == rotationID(i) {
			v.id = i
		}
	}
	if r.After != nil {
		v.after = int8(r.After.Sub(firstT) / epochLength)
	}
	for g := range int8(maxGenerations) {
		if r.IssuedAt != nil && decide.Holds(r.Issued, wideFingerprint(set{ours, g}, quay)) {
			v.issued = generation(g)
		}
	}
	if v.id < 0 {
		v.intended = r.IntendedAt != nil
	}
	for _, t := range s.Targets {
		v.healed = int8(min(t.Healed, 4))
	}
	return v.settled()
}

// settled clears what no longer matters once a rotation has ended.
func (v view) settled() view {
	if v.ended {
		return view{under: true, id: v.id, ended: true}
	}
	return v
}

// replayServices are OCM and the registry of the model's world.
type replayServices struct{ p *replay }

func (s replayServices) OCM(cfg ocm.Config) (OCM, error) {
	token := generation(none)
	if cfg.ClusterToken != (ocm.ClusterToken{}) {
		if known, ok := wideAuths[cfg.ClusterToken.Auth]; ok {
			token = generation(known.generation)
		}
	}
	return replayOCM{s.p, cfg.ClusterToken != (ocm.ClusterToken{}), token}, nil
}

func (s replayServices) Registries(*x509.CertPool) Prober { return s }

func (s replayServices) Check(_ context.Context, c registry.Check) registry.Result {
	known := wideAuths[basicAuth(c.Username, c.Password)]
	switch s.p.there.ask(generation(known.generation)) {
	case unanswered:
		return registry.Result{Outcome: registry.Unreachable, Message: "cannot be reached"}
	case refused:
		return registry.Result{Outcome: registry.Unauthorized, Message: "refuses"}
	}
	return registry.Result{Outcome: registry.Accepted, Message: "accepts"}
}

// replayOCM is OCM for an OCM credential or for the cluster's own token.
type replayOCM struct {
	p       *replay
	cluster bool
	token   generation
}

func (o replayOCM) refuses() error {
	if o.cluster && (o.token < 0 || !o.p.there.isAlive(o.token)) {
		return errUnauthorized
	}
	return nil
}

func (o replayOCM) Close() error { return nil }

func (o replayOCM) CurrentAccount(context.Context) (ocm.Account, error) {
	return ocm.Account{ID: "ours", Username: "ours", Email: "ours@example.com"}, o.refuses()
}

func (o replayOCM) Rotations(context.Context, string) ([]ocm.Rotation, error) {
	list := []ocm.Rotation{}
	for i := int8(maxRotations - 1); i >= 0; i-- {
		r := &o.p.there.ocm[i]
		if !r.exists || r.deleted {
			continue
		}
		made := ocm.Rotation{ID: rotationID(i), AccountID: "ours", Status: ocm.RotationPending, CreatedAt: created(r, i)}
		if r.completed {
			made.Status = ocm.RotationCompleted
		}
		list = append(list, made)
	}
	return list, o.refuses()
}

func (o replayOCM) RequestRotation(context.Context, string) (ocm.Rotation, error) {
	id := o.p.there.create(o.p.m.scenario, true)
	return ocm.Rotation{ID: rotationID(id), AccountID: "ours", Status: ocm.RotationPending, CreatedAt: created(&o.p.there.ocm[id], id)}, nil
}

func (o replayOCM) AccessToken(context.Context) ([]byte, error) {
	return replayDocument(o.p.there.newest), o.refuses()
}

func (o replayOCM) ClusterTransfers(context.Context, string) ([]ocm.Transfer, error) {
	list := []ocm.Transfer{}
	for i := range int8(maxRotations) {
		if r := &o.p.there.ocm[i]; r.exists && r.mine == acceptedTransfer {
			list = append(list, ocm.Transfer{ID: "transfer", ClusterID: wideCluster, RotationID: rotationID(i), Status: ocm.TransferAccepted,
				Secret: replayDocument(r.issued), CreatedAt: created(r, i)})
		}
	}
	return list, o.refuses()
}

func (o replayOCM) Siblings(context.Context, string, string) (ocm.Siblings, error) {
	s := ocm.Siblings{Others: o.p.m.siblings}
	for i := range o.p.m.siblings {
		s.Named = append(s.Named, ocm.Subscription{ClusterID: fmt.Sprintf("sibling-%d", i), Status: "Active"})
	}
	return s, o.refuses()
}

// Progress is refused, as OCM may: no decision depends on it.
func (o replayOCM) Progress(context.Context, string, string, time.Time) (ocm.Progress, error) {
	return ocm.Progress{}, errForbidden
}

// replayed reports whether a scenario's paths can be replayed: a reconcile must be one move. Unreachable registries are not in the
// model's record, only in the wide world's.
func replayed(c *scenario) bool { return c.replicas == 1 && !c.fine && c.budget.badRegistries == 0 }

const (
	replayPaths = 8
	replaySteps = 24
)

func TestReplay_TheReconcilerEndsWhereTheModelDoes(t *testing.T) {
	skipLongWalk(t)
	t.Setenv("SSL_CERT_FILE", "")
	paths, moves, looks := 0, 0, 0
	for i := range scenarios {
		c := scenarios[i]
		if !replayed(&c) {
			continue
		}
		c.budget.crashes, c.budget.lost, c.budget.pauses = 0, 0, 0
		t.Run(c.name, func(t *testing.T) {
			chance := rand.New(rand.NewSource(int64(i))) // the same paths each time
			for range replayPaths {
				paths++
				if err := newReplay(t, &c).goSome(chance, &moves, &looks); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	fmt.Printf("replay: %d paths, %d moves, of which %d reconciles were done by the model and by the reconciler\n", paths, moves, looks)
}

// A reconciler that does something else than the model must be noticed.
func TestReplay_NoticesAReconcilerThatIsNotTheModels(t *testing.T) {
	skipLongWalk(t)
	t.Setenv("SSL_CERT_FILE", "")
	c := scenario{name: "another client is faster", token: true, replicas: 1, budget: budget{foreignRotations: 1}}
	for _, left := range []decide.Step{decide.Apply, decide.Request, decide.MarkIssued} {
		t.Run(string(left)+" is left out", func(t *testing.T) {
			chance := rand.New(rand.NewSource(1)) // the same paths each time
			moves, looks := 0, 0
			for range replayPaths {
				p := newReplay(t, &c)
				p.r.judge = func(in decide.Input) decide.Decision {
					d := decide.Decide(in)
					if d.Step == left {
						return decide.Waiting(decide.Progressing, v1alpha1.ReasonVerifying, "", "", time.Minute)
					}
					return d
				}
				if err := p.goSome(chance, &moves, &looks); err != nil {
					return
				}
			}
			t.Errorf("%d reconciles were done and the difference was not noticed", looks)
		})
	}
}

// anything makes a move of another actor.
func (p *replay) anything(chance *rand.Rand) {
	type move struct {
		name string
		next world
	}
	var list []move
	p.m.moves(p.world, func(name string, next world) {
		if !strings.HasPrefix(name, "replica") {
			list = append(list, move{name, next})
		}
	})
	if len(list) == 0 {
		return
	}
	chosen := list[chance.Intn(len(list))]
	p.world = chosen.next
	p.story = append(p.story, chosen.name)
	p.bring(chosen.name)
}
