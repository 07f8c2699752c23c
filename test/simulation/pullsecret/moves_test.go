package pullsecret

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	simregistry "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

var moves = append(stage.Moves[*cluster]("Secret "+global.Namespace, "pull_secret_rotation", "status"), []stage.Move[*cluster]{
	{Name: "spec edited", Weight: 16, Do: func(c *cluster) { c.editSpec() }},
	{Name: "spec corrected", Weight: 6, Do: func(c *cluster) { c.correct() }},
	{Name: "T comes", Weight: 16, Do: func(c *cluster) {
		c.edit(func(o *v1alpha1.PullSecretRotation) {
			o.Spec.RotateAfter = ptr.To(metav1.NewTime(time.Now().Add(-time.Duration(c.w.Roll(120)) * time.Minute).Truncate(time.Second)))
			if c.w.Odds(2) {
				o.Spec.Mode = v1alpha1.ModeRotate
			}
		})
	}},
	{Name: "object deleted", Weight: 2, Do: func(c *cluster) { c.delete() }},
	{Name: "object created", Weight: 8, Do: func(c *cluster) {
		if c.object() == nil {
			c.put(defaults())
		}
	}},
	{Name: "approved", Weight: 5, Do: (*cluster).approve},
	{Name: "target edited", Weight: 14, Do: (*cluster).editTarget},
	{Name: "token changed", Weight: 5, Do: (*cluster).changeToken},
	{Name: "OCM fails", Weight: 12, Do: (*cluster).breakOCM},
	{Name: "registry fails", Weight: 8, Do: (*cluster).breakRegistry},
	{Name: "host unreachable", Weight: 3, Do: func(c *cluster) { c.w.network.down[pick(c.w, services)] = true }},
	{Name: "certificate expired", Weight: 2, Do: func(c *cluster) { c.w.network.expired[pick(c.w, services)] = true }},
	{Name: "network mended", Weight: 12, Do: func(c *cluster) { c.w.mend() }},
	{Name: "clock jumps", Weight: 3, Do: func(c *cluster) { c.Skew = time.Duration(c.w.Roll(24*60)-12*60) * time.Minute }},
	{Name: "clock right", Weight: 4, Do: func(c *cluster) { c.Skew = 0 }},
	{Name: "rotation elsewhere", Weight: 3, Do: func(c *cluster) { c.w.ocm.StartRotationElsewhere(c.w.account.ID) }},
	{Name: "batch at once", Weight: 12, Do: func(c *cluster) { c.w.ocm.RunBatch() }},
	{Name: "everything completed", Weight: 1, Do: func(c *cluster) { c.w.ocm.CompleteEverything() }},
	{Name: "revocation late", Weight: 4, Do: func(c *cluster) {
		c.w.ocm.RevokeLate(pick(c.w, []time.Duration{0, time.Hour, 2 * stage.Day}), pick(c.w, simocm.Registries))
	}},
	{Name: "telemetry stops or starts", Weight: 2, Do: func(c *cluster) { c.mute = c.w.Odds(2) }},
	{Name: "pool changes", Weight: 12, Do: (*cluster).changePool},
	{Name: "days pass", Weight: 8, Do: func(c *cluster) { c.w.Live(time.Duration(1+c.w.Roll(5))*stage.Day, 30) }},
	{Name: "account in trouble", Weight: 5, Do: (*cluster).troubleAccount},
	{Name: "OCM's records change", Weight: 3, Do: (*cluster).changeRecords},
	{Name: "registry and OCM disagree", Weight: 8, Do: (*cluster).troubleRegistry},
	{Name: "registry refuses what is being issued", Weight: 5, Do: (*cluster).refuseNext},
	{Name: "an important field edited", Weight: 12, Do: (*cluster).editImportant},
	{Name: "a commit changes several fields", Weight: 10, Do: (*cluster).editSeveral},
	{Name: "machines are to prove it", Weight: 6, Do: (*cluster).askMachines},
	{Name: "rights revoked or given back", Weight: 3, Do: (*cluster).changeRights},
	{Name: "machines pull otherwise", Weight: 3, Do: func(c *cluster) { c.pulls = pick(c.w, slices.Sorted(maps.Keys(outcomes))) }},
	{Name: "surroundings change", Weight: 5, Do: (*cluster).changeSurroundings},
	{Name: "somebody puts back what is replaced", Weight: 3, Do: func(c *cluster) { c.restorer = c.w.Roll(6) }},
	{Name: "another object claims the targets", Weight: 1, Do: (*cluster).claim},
	{Name: "habits change", Weight: 4, Do: (*cluster).changeHabits},
}...)

// Step is one of a history: a while of life, or a move.
func (w *world) Step() {
	if w.Roll(5) < 3 {
		w.Live(time.Duration(1+w.Roll(12))*time.Hour, 1+w.Roll(3))
		return
	}
	stage.Happen(w.World, moves, pick(w, w.clusters))
}

func (c *cluster) approve() {
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		t := longAgo
		if next := o.Status.NextRotationAfter; next != nil {
			t = next.Time
		}
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.ApprovedAnnotation, t.UTC().Format(time.RFC3339))
	})
}

// editTarget is somebody who writes a pull secret: carefully, from a backup, or by mistake.
func (c *cluster) editTarget() {
	w := c.w
	ref := pick(w, []v1alpha1.SecretReference{global, global, hub})
	key := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	d := c.document(ref)
	switch w.Roll(10) {
	case 9:
		c.putTarget(ref, w.ocm.PullSecret(w.stranger.ID))
	case 0, 1:
		c.putTarget(ref, withForeign(d, fmt.Sprintf("registry-%d.example.com", w.Roll(4))))
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

func (c *cluster) changeToken() {
	w := c.w
	switch w.Roll(6) {
	case 5:
		c.putToken(w.ocm.OfflineToken(w.stranger.ID))
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

func (c *cluster) breakOCM() {
	w := c.w
	f := simocm.Fault{Endpoint: pick(w, append(simocm.Operations(), simocm.OpAny)), Kind: pick(w, simocm.FaultKinds()), Skip: w.Roll(2), Times: 1 + w.Roll(6)}
	switch f.Kind {
	case simocm.RateLimited:
		f.RetryAfter = simctl.Duration(time.Duration(w.Roll(7200)) * time.Second)
	case simocm.Slow:
		f.Delay = simctl.Duration(time.Duration(w.Roll(60)) * time.Second)
	case simocm.Answer:
		f.Body = pick(w, []string{"{}", "[]", `{"kind":"Error"}`, `{"items":null}`})
	case simocm.Lagging:
		f.Endpoint = pick(w, []string{simocm.OpAccessToken, simocm.OpListRotations, simocm.OpTransfers})
	}
	w.Count.Count(history.Faults, "OCM: "+string(f.Kind))
	w.ocm.Break(f)
}

func (c *cluster) breakRegistry() {
	w := c.w
	f := simregistry.Fault{Registry: pick(w, append([]string{""}, simregistry.Hosts...)), Kind: pick(w, simregistry.FaultKinds()), Times: 1 + w.Roll(12)}
	w.Count.Count(history.Faults, "registry: "+string(f.Kind))
	w.registries.Break(f)
}

// mend ends what is wrong with the services.
func (w *world) mend() {
	w.ocm.Mend()
	w.registries.Mend()
	clear(w.network.down)
	clear(w.network.expired)
}

func (c *cluster) changeHabits() {
	w := c.w
	w.ocm.Configure(func(h *simocm.Habits) {
		h.SecondPost = pick(w, []simocm.SecondPost{simocm.SecondPostNewRecord, simocm.SecondPostSame, simocm.SecondPostForbidden})
		h.AccessTokenCompletes, h.OldTokenCompletes, h.RefuseUnregistered = w.Odds(3), w.Odds(6), w.Odds(4)
		h.CompleteWithoutClusters, h.NeverComplete, h.DropEnded = w.Odds(2), w.Odds(6), w.Odds(3)
	})
}
