package simulation

import (
	"fmt"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	simregistry "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// move is something that happens and is not the operator's doing.
type move struct {
	name   string
	weight int
	do     func(*world, *cluster)
}

var moves = []move{
	{"spec edited", 12, func(_ *world, c *cluster) { c.editSpec() }},
	{"spec corrected", 6, func(_ *world, c *cluster) { c.correct() }},
	{"T comes", 8, func(w *world, c *cluster) {
		c.edit(func(o *v1alpha1.PullSecretRotation) {
			o.Spec.RotateAfter = ptr.To(metav1.NewTime(time.Now().Add(-time.Duration(w.chance.IntN(120)) * time.Minute).Truncate(time.Second)))
		})
	}},
	{"object deleted", 2, func(_ *world, c *cluster) { c.delete() }},
	{"object created", 4, func(_ *world, c *cluster) {
		if c.object() == nil {
			c.put(defaults())
		}
	}},
	{"approved", 3, (*world).approve},
	{"target edited", 8, (*world).editTarget},
	{"token changed", 3, (*world).changeToken},
	{"OCM fails", 8, (*world).breakOCM},
	{"registry fails", 5, (*world).breakRegistry},
	{"host unreachable", 3, func(w *world, _ *cluster) { w.network.down[pick(w, services)] = true }},
	{"certificate expired", 2, func(w *world, _ *cluster) { w.network.expired[pick(w, services)] = true }},
	{"network mended", 8, func(w *world, _ *cluster) { w.mend() }},
	{"API server away", 2, func(_ *world, c *cluster) { c.apiDown = true }},
	{"API server back", 4, func(_ *world, c *cluster) { c.apiDown = false }},
	{"clock jumps", 3, func(w *world, c *cluster) { c.skew = time.Duration(w.chance.IntN(24*60)-12*60) * time.Minute }},
	{"clock right", 4, func(_ *world, c *cluster) { c.skew = 0 }},
	{"effect disturbed", 24, (*world).disturb},
	{"another leads", 8, (*world).depose},
	{"nobody leads", 2, func(_ *world, c *cluster) { c.leader = nil }},
	{"stopped process goes on", 8, (*world).goOn},
	{"process restarted", 5, func(w *world, c *cluster) { pick(w, c.replicas).kill(w); c.notify() }},
	{"rotation elsewhere", 3, func(w *world, _ *cluster) { w.ocm.StartRotationElsewhere(w.account.ID) }},
	{"batch at once", 5, func(w *world, _ *cluster) { w.ocm.RunBatch() }},
	{"everything completed", 1, func(w *world, _ *cluster) { w.ocm.CompleteEverything() }},
	{"revocation late", 2, func(w *world, _ *cluster) {
		w.ocm.RevokeLate(pick(w, []time.Duration{0, time.Hour, 2 * day}), pick(w, simocm.Registries))
	}},
	{"telemetry stops or starts", 2, func(w *world, c *cluster) { c.mute = w.odds(2) }},
	{"pool changes", 4, (*world).changePool},
	{"habits change", 2, (*world).changeHabits},
}

// step is one of a history: a while of life, or a move.
func (w *world) step() {
	if w.chance.IntN(5) < 3 {
		w.live()
		return
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := w.chance.IntN(total)
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			w.say("MOVE: %s", m.name)
			w.count.fault(m.name)
			m.do(w, pick(w, w.clusters))
			return
		}
	}
}

// live lets time pass until a reconcile is due, and does it.
func (w *world) live() {
	c := w.next()
	if wait := time.Until(c.due); wait > 0 {
		w.sleep(min(wait, time.Duration(1+w.chance.IntN(12))*time.Hour))
	}
	if !c.due.After(time.Now()) {
		c.reconcile()
	}
}

// next is the cluster whose reconcile is due first.
func (w *world) next() *cluster {
	first := w.clusters[0]
	for _, c := range w.clusters[1:] {
		if c.due.Before(first.due) {
			first = c
		}
	}
	return first
}

// reconcile is the leader's.
func (c *cluster) reconcile() {
	w := c.w
	c.rollOut()
	if c.leader == nil || c.leader.task != nil {
		w.say("%s: nobody leads", c.name)
		c.due = time.Now().Add(time.Minute)
		if w.odds(3) {
			w.depose(c)
		}
		return
	}
	c.leader.reconcile(w)
}

// depose makes another replica the leader, which begins with a reconcile.
func (w *world) depose(c *cluster) {
	var free []*replica
	for _, r := range c.replicas {
		if r != c.leader && r.task == nil {
			free = append(free, r)
		}
	}
	if len(free) == 0 {
		return
	}
	c.leader = pick(w, free)
	w.say("%s leads", c.leader)
	c.due = time.Now()
}

func (w *world) goOn(c *cluster) {
	for _, r := range c.replicas {
		if r.task != nil {
			r.resume(w)
			return
		}
	}
}

// disturb makes something happen at one of the next effects.
func (w *world) disturb(c *cluster) {
	r := c.leader
	if r == nil || r.task != nil {
		return
	}
	r.plan = plan{in: 1 + w.chance.IntN(3), what: pick(w, whats), every: w.odds(4),
		on: pick(w, []string{"", "Secret " + global.Namespace, "pull_secret_rotation", "status"})}
}

func (w *world) approve(c *cluster) {
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		t := longAgo
		if next := o.Status.NextRotationAfter; next != nil {
			t = next.Time
		}
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.ApprovedAnnotation, t.UTC().Format(time.RFC3339))
	})
}

// editTarget is somebody who writes a pull secret: carefully, from a backup, or by mistake.
func (w *world) editTarget(c *cluster) {
	ref := pick(w, []v1alpha1.SecretReference{global, global, hub})
	key := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	d := c.document(ref)
	switch w.chance.IntN(9) {
	case 0, 1:
		c.putTarget(ref, withForeign(d, fmt.Sprintf("registry-%d.example.com", w.chance.IntN(4))))
	case 2, 3:
		c.putTarget(ref, pick(w, w.ocm.PullSecrets(w.account.ID)))
	case 4:
		c.putTarget(ref, with(d, pick(w, simocm.Registries), ""))
	case 5:
		c.putTarget(ref, withForeign(d, pick(w, simocm.Registries)))
	case 6:
		c.deleteSecret(key)
	case 7:
		c.putSecret(key, pick(w, []corev1.SecretType{corev1.SecretTypeOpaque, corev1.SecretTypeDockerConfigJson}), map[string][]byte{corev1.DockerConfigJsonKey: []byte("{}")})
	case 8:
		for i := range 90 { // more entries than a status lists
			d = withForeign(d, fmt.Sprintf("registry-%d.with-a-rather-long-name-as-some-have-them.example.com", i))
		}
		c.putTarget(ref, d)
	}
}

func (w *world) changeToken(c *cluster) {
	switch w.chance.IntN(5) {
	case 0:
		c.deleteSecret(ocmKey)
	case 1:
		c.putToken("not a token")
	case 2:
		w.ocm.EndSessions(w.account.ID)
	default:
		c.putToken(w.ocm.OfflineToken(w.account.ID))
	}
}

func (w *world) breakOCM(*cluster) {
	f := simocm.Fault{Endpoint: pick(w, append(simocm.Operations(), simocm.OpAny)), Kind: pick(w, simocm.FaultKinds()), Skip: w.chance.IntN(2), Times: 1 + w.chance.IntN(6)}
	switch f.Kind {
	case simocm.RateLimited:
		f.RetryAfter = simctl.Duration(time.Duration(w.chance.IntN(7200)) * time.Second)
	case simocm.Slow:
		f.Delay = simctl.Duration(time.Duration(w.chance.IntN(60)) * time.Second)
	case simocm.Answer:
		f.Body = pick(w, []string{"{}", "[]", `{"kind":"Error"}`, `{"items":null}`})
	case simocm.Lagging:
		f.Endpoint = pick(w, []string{simocm.OpAccessToken, simocm.OpListRotations, simocm.OpTransfers})
	}
	w.count.fault("OCM: " + string(f.Kind))
	w.ocm.Break(f)
}

func (w *world) breakRegistry(*cluster) {
	f := simregistry.Fault{Registry: pick(w, append([]string{""}, simregistry.Hosts...)), Kind: pick(w, simregistry.FaultKinds()), Times: 1 + w.chance.IntN(12)}
	w.count.fault("registry: " + string(f.Kind))
	w.registries.Break(f)
}

// mend ends what is wrong with the services.
func (w *world) mend() {
	w.ocm.Mend()
	w.registries.Mend()
	clear(w.network.down)
	clear(w.network.expired)
}

func (w *world) changePool(c *cluster) {
	switch w.chance.IntN(3) {
	case 0:
		c.stuck = !c.stuck
	case 1:
		c.pool(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = !p.Spec.Paused })
	case 2:
		c.pool(func(p *machineconfigurationv1.MachineConfigPool) {
			p.Status.DegradedMachineCount = int32(w.chance.IntN(2))
		})
	}
}

func (w *world) changeHabits(*cluster) {
	w.ocm.Configure(func(h *simocm.Habits) {
		h.SecondPost = pick(w, []simocm.SecondPost{simocm.SecondPostNewRecord, simocm.SecondPostSame, simocm.SecondPostForbidden})
		h.AccessTokenCompletes, h.OldTokenCompletes, h.RefuseUnregistered = w.odds(3), w.odds(6), w.odds(4)
	})
}
