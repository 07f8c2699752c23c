package pullsecretrotation_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/test/fakeapi"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// A scene is one cluster with the real reconciler, a fake API server, the simulated OCM and its virtual time, and registries, pools and other
// writers that a test drives. Its tests check what is visible from outside: the targets, the requests to OCM, the status and the events.

// global is the cluster's own pull secret; hub is a second target, as a hub has for a cluster that it installs.
var (
	global = v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}
	hub    = v1alpha1.SecretReference{Namespace: "hive", Name: "pull"}
)

const day = 24 * time.Hour

// T is before these days, and no rotation has taken place.
var longAgo = metav1.NewTime(time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC))

type scene struct {
	t          *testing.T
	sim        *simocm.Sim
	account    simocm.Account
	id         string           // of the cluster
	api        client.WithWatch // the API server, as everybody but the operator uses it
	hooks      interceptor.Funcs
	validate   func(client.Object) error // of what the operator creates or updates
	r          *pullsecretrotation.Reconciler
	services   *services
	registries *registries
	events     *eventLog
	mute       bool          // the cluster's telemetry is not sent
	skew       time.Duration // of the cluster's clock against OCM's
	next       time.Time     // by OCM's clock
	writes     []targetWrite
	afterLook  []func()
}

// targetWrite is a write of the operator that took effect.
type targetWrite struct {
	at     time.Time
	target v1alpha1.SecretReference
	auths  map[string]string
}

type sceneClock struct{ s *scene }

func (c sceneClock) Now() time.Time                  { return c.s.sim.Now().Add(c.s.skew) }
func (c sceneClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// dueNow is a spec with the schema's defaults, whose T is long past.
func dueNow(changes ...func(*v1alpha1.PullSecretRotationSpec)) v1alpha1.PullSecretRotationSpec {
	spec := v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, RotateAfter: ptr.To(longAgo), Approval: v1alpha1.ApprovalNone, SiblingClusters: v1alpha1.SiblingsRefuse,
		Rollback: v1alpha1.RollbackAutomatic, HealthCheckInterval: &metav1.Duration{Duration: 6 * time.Hour},
		Targets: []v1alpha1.SecretReference{global},
	}
	spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	spec.Entries.Foreign = v1alpha1.ForeignKeep
	spec.Rollout.WaitForPools, spec.Rollout.Timeout = ptr.To(true), &metav1.Duration{Duration: 2 * time.Hour}
	for _, change := range changes {
		change(&spec)
	}
	return spec
}

// notDue is the same with a T in the distant future.
func notDue(changes ...func(*v1alpha1.PullSecretRotationSpec)) v1alpha1.PullSecretRotationSpec {
	far := metav1.NewTime(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
	return dueNow(append([]func(*v1alpha1.PullSecretRotationSpec){func(s *v1alpha1.PullSecretRotationSpec) { s.RotateAfter = &far }}, changes...)...)
}

func following(changes ...func(*v1alpha1.PullSecretRotationSpec)) v1alpha1.PullSecretRotationSpec {
	return dueNow(append([]func(*v1alpha1.PullSecretRotationSpec){func(s *v1alpha1.PullSecretRotationSpec) {
		s.Mode, s.RotateAfter = v1alpha1.ModeFollow, nil
	}}, changes...)...)
}

func withHub(s *v1alpha1.PullSecretRotationSpec) { s.Targets = append(s.Targets, hub) }

// newScene has one account, whose pull secret the cluster has and whose token the operator has. Nothing has been reconciled.
func newScene(t *testing.T, options simocm.Options) *scene {
	t.Helper()
	options.OfflineTokenIdle = 1000 * day // its end is not what these tests are about
	sim := simocm.StartForTest(t, options)
	s := &scene{t: t, sim: sim, id: "00000000-0000-4000-8000-000000000001", events: &eventLog{}}
	s.account = sim.AddAccount(simocm.AccountSpec{})
	s.registries = &registries{sim: sim, down: map[string]bool{}, logins: map[string]string{}, refuses: map[string]func(string) bool{}}
	s.services = newServices(t, s)
	s.api = fakeapi.NewClientBuilder().WithObjects(
		&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(s.id)}},
		&configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operator", Name: "ocm"}, Data: map[string][]byte{"token": []byte(sim.OfflineToken(s.account.ID))}},
	).Build()
	s.putTarget(global, sim.PullSecret(s.account.ID))
	sim.AddCluster(s.account.ID, simocm.ClusterSpec{ID: s.id, Name: "this", Token: func() string {
		if s.mute {
			return ""
		}
		return s.entries(global)[simocm.CloudOpenShift]
	}})
	options2 := pullsecretrotation.Options{Namespace: "operator", Clock: sceneClock{s}}
	options2.SetDefaults()
	s.r = &pullsecretrotation.Reconciler{Client: s.operatorClient(), Reader: s.operatorClient(), Options: options2, Connect: s.services, Recorder: s.events}
	return s
}

// operatorClient notes the operator's writes of targets and lets a test come in between by s.hooks.
func (s *scene) operatorClient() client.WithWatch {
	return interceptor.NewClient(s.api, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if s.hooks.Get != nil {
				return s.hooks.Get(ctx, c, key, o, opts...)
			}
			return c.Get(ctx, key, o, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if s.validate != nil {
				if err := s.validate(o); err != nil {
					return err
				}
			}
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if s.validate != nil {
				if err := s.validate(o); err != nil {
					return err
				}
			}
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			var err error
			if s.hooks.Patch != nil {
				err = s.hooks.Patch(ctx, c, o, p, opts...)
			} else {
				err = c.Patch(ctx, o, p, opts...)
			}
			if _, ok := o.(*corev1.Secret); ok && err == nil && o.GetNamespace() != "operator" {
				ref := v1alpha1.SecretReference{Namespace: o.GetNamespace(), Name: o.GetName()}
				s.writes = append(s.writes, targetWrite{s.sim.Now(), ref, s.entries(ref)})
			}
			return err
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if s.hooks.Delete != nil {
				return s.hooks.Delete(ctx, c, o, opts...)
			}
			return c.Delete(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if s.hooks.SubResourcePatch != nil {
				return s.hooks.SubResourcePatch(ctx, c, sub, o, p, opts...)
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

// create creates the object, which the next step reconciles.
func (s *scene) create(spec v1alpha1.PullSecretRotationSpec) *scene {
	s.t.Helper()
	object := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{
		Name: "account", Generation: 1, UID: types.UID(fmt.Sprintf("uid-%d", s.sim.Now().UnixNano())), CreationTimestamp: metav1.NewTime(s.r.Options.Clock.Now()),
	}, Spec: spec}
	if err := s.api.Create(s.t.Context(), object); err != nil {
		s.t.Fatal(err)
	}
	s.next = s.sim.Now()
	return s
}

// recreate deletes the object and creates it with the same spec, as a repository does.
func (s *scene) recreate() {
	s.t.Helper()
	o := s.get()
	if err := s.api.Delete(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	s.sim.Advance(time.Second)
	s.create(o.Spec)
}

// edit changes the object's spec and reconciles at once.
func (s *scene) edit(change func(*v1alpha1.PullSecretRotationSpec)) {
	s.t.Helper()
	o := s.get()
	change(&o.Spec)
	o.Generation++
	if err := s.api.Update(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	s.next = s.sim.Now()
}

func (s *scene) get() *v1alpha1.PullSecretRotation { return s.named("account") }

func (s *scene) named(name string) *v1alpha1.PullSecretRotation {
	s.t.Helper()
	o := &v1alpha1.PullSecretRotation{}
	if err := s.api.Get(context.Background(), client.ObjectKey{Name: name}, o); err != nil {
		s.t.Fatal(err)
	}
	return o
}

// putTarget creates or changes a Secret of the pull secret type as another writer.
func (s *scene) putTarget(ref v1alpha1.SecretReference, document []byte) {
	s.t.Helper()
	s.putSecret(ref, corev1.SecretTypeDockerConfigJson, document)
}

func (s *scene) putSecret(ref v1alpha1.SecretReference, kind corev1.SecretType, document []byte) {
	s.t.Helper()
	secret := &corev1.Secret{}
	err := s.api.Get(context.Background(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret)
	if client.IgnoreNotFound(err) != nil {
		s.t.Fatal(err)
	}
	if err != nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}, Type: kind, Data: map[string][]byte{corev1.DockerConfigJsonKey: document}}
		err = s.api.Create(s.t.Context(), secret)
	} else {
		secret.Data = map[string][]byte{corev1.DockerConfigJsonKey: document}
		err = s.api.Update(s.t.Context(), secret)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.next = s.sim.Now() // the operator watches its targets
}

func (s *scene) deleteTarget(ref v1alpha1.SecretReference) {
	s.t.Helper()
	if err := s.api.Delete(s.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}}); err != nil {
		s.t.Fatal(err)
	}
	s.next = s.sim.Now()
}

// operatorUses gives the operator an account's token.
func (s *scene) operatorUses(a simocm.Account) {
	s.t.Helper()
	secret := &corev1.Secret{}
	if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: "operator", Name: "ocm"}, secret); err != nil {
		s.t.Fatal(err)
	}
	secret.Data["token"] = []byte(s.sim.OfflineToken(a.ID))
	if err := s.api.Update(s.t.Context(), secret); err != nil {
		s.t.Fatal(err)
	}
	s.next = s.sim.Now()
}

func (s *scene) document(ref v1alpha1.SecretReference) []byte {
	secret := &corev1.Secret{}
	if err := s.api.Get(context.Background(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		return nil
	}
	return secret.Data[corev1.DockerConfigJsonKey]
}

// entries are the auths of a target, by key.
func (s *scene) entries(ref v1alpha1.SecretReference) map[string]string {
	return authsOf(s.document(ref))
}

func authsOf(document []byte) map[string]string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if json.Unmarshal(document, &d) != nil {
		return nil
	}
	out := map[string]string{}
	for name, e := range d.Auths {
		out[name] = e.Auth
	}
	return out
}

// edited is a document with some of its entries set, or removed where the auth is empty.
func edited(document []byte, auths map[string]string) []byte {
	var d struct {
		Auths map[string]map[string]string `json:"auths"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		panic(err)
	}
	for name, auth := range auths {
		if auth == "" {
			delete(d.Auths, name)
			continue
		}
		if d.Auths[name] == nil {
			d.Auths[name] = map[string]string{}
		}
		d.Auths[name]["auth"] = auth
	}
	out, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return out
}

func without(document []byte, names ...string) []byte {
	auths := map[string]string{}
	for _, name := range names {
		auths[name] = ""
	}
	return edited(document, auths)
}

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func login(auth string) (user, password string) {
	raw, _ := base64.StdEncoding.DecodeString(auth)
	user, password, _ = strings.Cut(string(raw), ":")
	return user, password
}

// issuedNow is what OCM issues for the scene's account now.
func (s *scene) issuedNow() map[string]string { return authsOf(s.sim.PullSecret(s.account.ID)) }

// look is one reconcile.
func (s *scene) look() {
	s.t.Helper()
	s.lookAt("account")
}

func (s *scene) lookAt(name string) {
	s.t.Helper()
	result, err := s.r.Reconcile(s.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
	if err != nil {
		s.t.Logf("reconcile: %v", err)
		result.RequeueAfter = time.Second
	}
	s.next = s.sim.Now().Add(result.RequeueAfter)
	for _, f := range s.afterLook {
		f()
	}
}

// run lets time pass with reconciles at the operator's own times, and ends with a reconcile.
func (s *scene) run(d time.Duration) {
	s.t.Helper()
	end := s.sim.Now().Add(d)
	for s.sim.Now().Before(end) {
		if !s.next.After(s.sim.Now()) {
			s.look()
		}
		at := s.next
		if at.After(end) {
			at = end
		}
		s.sim.Advance(max(at.Sub(s.sim.Now()), time.Second))
	}
	s.look()
}

// until lets time pass like run until the object is as wanted, and fails when it never is.
func (s *scene) until(what string, limit time.Duration, is func(*v1alpha1.PullSecretRotation) bool) {
	s.t.Helper()
	end := s.sim.Now().Add(limit)
	for {
		s.look()
		if is(s.get()) {
			return
		}
		if !s.sim.Now().Before(end) {
			status, reason, message := s.ready()
			s.t.Fatalf("within %s it never came to this: %s; Ready is %s, %s: %s", limit, what, status, reason, message)
		}
		s.sim.Advance(max(s.next.Sub(s.sim.Now()), time.Second))
	}
}

func (s *scene) ready() (status metav1.ConditionStatus, reason, message string) {
	return s.condition(v1alpha1.ConditionReady)
}

func (s *scene) condition(kind string) (status metav1.ConditionStatus, reason, message string) {
	c := meta.FindStatusCondition(s.get().Status.Conditions, kind)
	if c == nil {
		return "", "", ""
	}
	return c.Status, c.Reason, c.Message
}

func requested(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.ID != ""
}

func applied(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.AppliedAt != nil
}

func revoked(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.RevokedAt != nil
}

// posts fails unless this many rotations were requested.
func (s *scene) posts(want int) {
	s.t.Helper()
	if got := s.sim.Count(simocm.OpPostRotation); got != want {
		status, reason, message := s.ready()
		s.t.Errorf("%d rotations were requested, want %d; Ready is %s, %s: %s", got, want, status, reason, message)
	}
}

// works says whether an entry of a target is accepted by its registry, whatever its key.
func (s *scene) works(ref v1alpha1.SecretReference, key string) bool {
	user, password := login(s.entries(ref)[key])
	host, _, _ := strings.Cut(key, "/")
	return s.sim.Alive(host, user, password)
}

// alive fails unless each of the account's entries in a target works.
func (s *scene) alive(ref v1alpha1.SecretReference) {
	s.t.Helper()
	for _, key := range slices.Sorted(maps.Keys(s.entries(ref))) {
		host, _, _ := strings.Cut(key, "/")
		if slices.Contains(simocm.Registries, host) && !s.works(ref, key) {
			status, reason, message := s.ready()
			s.t.Errorf("the entry %s of %s is dead; Ready is %s, %s: %s", key, ref, status, reason, message)
		}
	}
}

// unchanged fails unless a target holds a document byte by byte.
func (s *scene) unchanged(ref v1alpha1.SecretReference, document []byte) {
	s.t.Helper()
	if string(s.document(ref)) != string(document) {
		_, reason, message := s.ready()
		s.t.Errorf("%s was changed; Ready says %s: %s", ref, reason, message)
	}
}

// current fails unless a target has everything that OCM issues now.
func (s *scene) current(ref v1alpha1.SecretReference) {
	s.t.Helper()
	has := s.entries(ref)
	for name, auth := range s.issuedNow() {
		if has[name] != auth {
			status, reason, message := s.ready()
			s.t.Errorf("the entry %s of %s is not OCM's current one; Ready is %s, %s: %s", name, ref, status, reason, message)
		}
	}
}

// notReady fails if the object is Ready, or its message does not contain one of the words.
func (s *scene) notReady(words ...string) {
	s.t.Helper()
	status, reason, message := s.ready()
	if status == metav1.ConditionTrue {
		s.t.Errorf("the object is Ready: %s: %s", reason, message)
	}
	for _, w := range words {
		if !strings.Contains(message, w) {
			s.t.Errorf("the message of %s does not speak of %q: %s", reason, w, message)
		}
	}
}

// wrote says whether the operator ever wrote an auth into an entry of a target.
func (s *scene) wrote(ref v1alpha1.SecretReference, key, auth string) bool {
	return slices.ContainsFunc(s.writes, func(w targetWrite) bool { return w.target == ref && w.auths[key] == auth })
}

func (s *scene) target(ref v1alpha1.SecretReference) v1alpha1.TargetStatus {
	for _, row := range s.get().Status.Targets {
		if row.Namespace == ref.Namespace && row.Name == ref.Name {
			return row
		}
	}
	return v1alpha1.TargetStatus{}
}

// pools starts a fast machine-config-operator. Its pools can be changed by name.
func (s *scene) pools(names ...string) {
	s.t.Helper()
	for _, name := range names {
		p := &machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: name}}
		p.Spec.Configuration.Name, p.Status.Configuration.Name = s.rendered(), s.rendered()
		p.Status.MachineCount, p.Status.UpdatedMachineCount = 3, 3
		if err := s.api.Create(s.t.Context(), p); err != nil {
			s.t.Fatal(err)
		}
	}
	s.afterLook = append(s.afterLook, func() {
		for _, name := range names {
			s.pool(name, func(p *machineconfigurationv1.MachineConfigPool) {
				if !p.Spec.Paused && p.Annotations["stuck"] == "" {
					p.Spec.Configuration.Name, p.Status.Configuration.Name = s.rendered(), s.rendered()
				}
			})
		}
	})
}

func (s *scene) rendered() string {
	return "rendered-" + s.entries(global)[simocm.Quay]
}

func (s *scene) pool(name string, change func(*machineconfigurationv1.MachineConfigPool)) {
	s.t.Helper()
	p := &machineconfigurationv1.MachineConfigPool{}
	if err := s.api.Get(s.t.Context(), client.ObjectKey{Name: name}, p); err != nil {
		s.t.Fatal(err)
	}
	before := p.DeepCopy()
	if change(p); equality.Semantic.DeepEqual(before, p) {
		return
	}
	if err := s.api.Update(s.t.Context(), p); err != nil {
		s.t.Fatal(err)
	}
}

// degraded makes a pool degrade for a reason, which the machine-config-operator puts into the condition's message.
func degraded(message string) func(*machineconfigurationv1.MachineConfigPool) {
	return func(p *machineconfigurationv1.MachineConfigPool) {
		p.Annotations = map[string]string{"stuck": "degraded"}
		p.Status.DegradedMachineCount = 1
		for _, kind := range []machineconfigurationv1.MachineConfigPoolConditionType{machineconfigurationv1.MachineConfigPoolDegraded, machineconfigurationv1.MachineConfigPoolNodeDegraded} {
			p.Status.Conditions = append(p.Status.Conditions, machineconfigurationv1.MachineConfigPoolCondition{Type: kind, Status: corev1.ConditionTrue, Message: message})
		}
	}
}

// eventLog records the events.
type eventLog struct {
	mu    sync.Mutex
	lines []string
}

// Eventf implements events.EventRecorder.
func (e *eventLog) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, action, note string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, fmt.Sprintf("%s %s %s: %s", kind, reason, action, fmt.Sprintf(note, args...)))
}

func (e *eventLog) has(words string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.lines, func(l string) bool { return strings.Contains(l, words) })
}
