package pullsecretrotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// wideScenario is the part of the wide world that is constant on a walk.
type wideScenario struct {
	name         string
	follow       bool
	credential   int8          // the account of the initial OCM credential
	hub          int8          // the account of the second target; none without one
	skew         time.Duration // the cluster's clock is ahead of OCM's
	siblings     bool          // another cluster of the account, which switches at any time
	notDue       bool          // there is no T
	late         bool          // a rotation is completed, and the cluster has the dead credentials
	noToken      bool          // the cluster has opted out of telemetry: no entry for OCM
	alias        bool          // the account's credential is also under a key of the customer's
	partial      bool          // the first target has no entry for registry.redhat.io
	pinned       bool
	unregistered bool // OCM refuses a token until a cluster has reported with it
	ancient      bool // a record that never ended, two years old
	edits        []wideEdit
	left         wideBudget
}

// wideEdit is what a person may do to the spec.
type wideEdit struct {
	name   string
	change func(*wideSpec, *wide)
}

// wideModel is a scenario with an intentional defect.
type wideModel struct {
	*wideScenario
	judge func(decide.Input) decide.Decision
}

// wideClock is the cluster's.
type wideClock struct {
	w    *wide
	skew time.Duration
}

func (c wideClock) Now() time.Time                  { return c.w.clusterNow(c.skew) }
func (c wideClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// crash ends a reconcile like the end of its process.
type crash struct{}

// outcome is the result of a reconcile.
type wideOutcome struct {
	effects []string
	reason  string
	status  metav1.ConditionStatus
	message string
}

func (o wideOutcome) String() string {
	return fmt.Sprintf("[%s] Ready %s %s", strings.Join(o.effects, ", "), o.status, o.reason)
}

// quiet is the context of each reconcile.
var quiet = log.IntoContext(context.Background(), logr.Discard())

// reconcile runs the real reconciler once. With crashAfter above zero its process ends after that many effects.
func (m *wideModel) reconcile(w *wide, crashAfter int) (out wideOutcome) {
	effect := func(what string) {
		out.effects = append(out.effects, what)
		if len(out.effects) == crashAfter {
			panic(crash{})
		}
	}
	api := &wideAPI{m: m, w: w, effect: effect}
	remembered := w.memory
	r := &Reconciler{
		Client: api, Reader: api, Connect: &wideServices{m: m, w: w, effect: effect}, judge: m.judge,
		Options: Options{Timing: wideTiming, Namespace: operatorNamespace, Clock: wideClock{w, m.skew}},
		memory:  map[types.UID]*memory{wideUID: &remembered},
	}
	r.Options.SetDefaults()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crash); !ok {
				panic(p)
			}
			w.memory, w.forgotten = memory{}, true
			out.reason = "(crashed)"
			return
		}
		w.memory, w.looked = remembered, true
		w.forgotten = r.remember(w.object).proven != m.stateOf(r, w)
		if c := meta.FindStatusCondition(w.object.Status.Conditions, v1alpha1.ConditionReady); c != nil {
			out.status, out.reason, out.message = c.Status, c.Reason, c.Message
		}
		w.checkTruth(m, out)
	}()
	if _, err := r.Reconcile(quiet, ctrl.Request{NamespacedName: types.NamespacedName{Name: w.object.Name}}); err != nil {
		w.fail("the reconcile fails: %v", err)
	}
	return out
}

// stateOf is the state that a proof refers to.
func (m *wideModel) stateOf(r *Reconciler, w *wide) string {
	s := newScope(quiet, r, w.object.DeepCopy())
	for _, ref := range s.obj.Spec.Targets {
		t, err := s.readTarget(quiet, ref)
		if err != nil {
			return ""
		}
		s.targets = append(s.targets, t)
	}
	s.lookAround(quiet)
	return s.state()
}

// begin is the initial state of a scenario.
func (m *wideModel) begin() wide {
	w := wide{now: wideStart.Add(-max(m.skew, 0)), left: m.left} // T is reached by the cluster's clock
	for a := range w.accounts {
		w.accounts[a] = wideAccount{alive: 1, registered: 1, seen: 1}
	}
	w.spec = wideSpec{mode: v1alpha1.ModeRotate, after: wideStart, credential: m.credential, pin: none, hub: m.hub != none}
	if m.follow {
		w.spec.mode = v1alpha1.ModeFollow
	}
	if m.notDue {
		w.spec.after = time.Time{}
	}
	if m.pinned {
		w.spec.pin = ours
	}
	w.targets[0].document = m.firstDocument(set{ours, 0})
	if m.hub != none {
		w.targets[1].document = given(set{m.hub, 0})
	}
	for i := range w.targets {
		w.targets[i].good = w.targets[i].document
	}
	w.rendered = w.targets[0].document
	if m.ancient {
		w.rotations = append(w.rotations, wideRotation{id: rotationName(0), account: ours, status: decide.RotationPending, issued: none,
			created: wideStart.AddDate(-2, 0, 0), updated: wideStart.AddDate(-2, 0, 0), expires: wideStart.AddDate(-2, 0, 5)})
	}
	if m.late {
		w.request(m, ours, wideStart.Add(-20*wideTick))
		w.batch()
		w.rotations[len(w.rotations)-1].mine, w.rotations[len(w.rotations)-1].sibling = expiredTransfer, completedTransfer
		w.batch()
	}
	w.object = &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{
		ResourceVersion: "1",
		Name:            "account", Generation: 1, UID: wideUID, CreationTimestamp: metav1.NewTime(wideStart.AddDate(0, 0, -10)),
	}, Spec: w.spec.build()}
	w.object.Status.Salt = wideSalt
	return w
}

// firstDocument is the first target's document for a set.
func (m *wideModel) firstDocument(s set) string {
	email := accountNames[s.account] + "@example.com"
	var list []entryOf
	if !m.noToken {
		list = append(list, entryOf{registryNames[cloud], wideAuth(s, cloud), email})
	}
	list = append(list, entryOf{registryNames[quay], wideAuth(s, quay), email})
	if !m.partial {
		list = append(list, entryOf{registryNames[redhat], wideAuth(s, redhat), email})
	}
	if m.alias {
		list = append(list, entryOf{aliasKey, wideAuth(s, quay), ""}, entryOf{mirrorKey, basicAuth("customer", "own"), ""})
	}
	return documentOf(list)
}
