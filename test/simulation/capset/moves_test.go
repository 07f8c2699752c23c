package capset

import (
	"fmt"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simcap "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// foreignKey is a data key of somebody else.
const foreignKey = "config"

var (
	namespaces = []string{"machine-api", "image-registry", "ingress", "storage"}
	machines   = types.NamespacedName{Namespace: "machine-api", Name: "aws"}
	registry   = types.NamespacedName{Namespace: "image-registry", Name: "aws"}
	ingress    = types.NamespacedName{Namespace: "ingress", Name: "aws"}
	storage    = types.NamespacedName{Namespace: "storage", Name: "aws"}
	ownRef     = types.NamespacedName{Namespace: "team-x", Name: "own"}
	targets    = []types.NamespacedName{machines, registry, ingress, storage, ownRef}

	payloadRequests = []request{{"machines", "a", machines, false}, {"registry", "a", registry, false}, {"ingress", "b", ingress, false}}
)

// move is something that happens and is not the operator's doing.
type move struct {
	name   string
	weight int
	do     func(*world, *cluster)
}

var setNames = []string{"payload", "payload", "own"}

var moves = []move{
	{"spec edited", 12, func(w *world, c *cluster) { c.editSpec(pick(w, setNames...)) }},
	{"spec corrected", 6, func(w *world, c *cluster) { c.correct(pick(w, setNames...)) }},
	{"refresh requested", 4, func(w *world, c *cluster) {
		c.edit(pick(w, setNames...), func(o *v1alpha1.CAPCredentialSet) {
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RefreshRequestedAnnotation, time.Now().Add(c.skew).UTC().Format(time.RFC3339))
		})
	}},
	{"set deleted", 2, func(w *world, c *cluster) { c.deleteSet(pick(w, setNames...)) }},
	{"set created", 4, func(_ *world, c *cluster) { c.complete() }},
	{"Secret written by somebody", 16, func(w *world, c *cluster) { c.editSecret(pick(w, targets...)) }},
	{"CredentialsRequests change", 6, (*world).changeRequests},
	{"namespaces change", 3, func(w *world, c *cluster) {
		if name := pick(w, namespaces...); w.odds(2) {
			c.deleteNamespace(name)
		} else {
			c.putNamespace(name)
		}
	}},
	{"client certificate changed", 5, (*world).changeCertificate},
	{"mode changed", 2, func(w *world, c *cluster) { c.setMode(pick(w, "Manual", "Manual", "Mint", "")) }},
	{"key of the content hash gone", 1, func(_ *world, c *cluster) {
		c.deleteSecret(types.NamespacedName{Namespace: operatorNamespace, Name: hashKeyName})
	}},
	{"CAP fails", 16, (*world).breakPortal},
	{"CAP's habits change", 5, (*world).changeHabits},
	{"CAP unreachable", 3, func(w *world, _ *cluster) { w.down = true }},
	{"CAP's certificate expired", 2, func(w *world, _ *cluster) { w.expired = true }},
	{"CAP mended", 8, func(w *world, _ *cluster) { w.mend() }},
	{"credentials revoked", 2, func(w *world, c *cluster) {
		w.portal.Kill(pick(w, append([]string{""}, roles...)...))
		c.lie()
	}},
	{"STS away or back", 2, func(w *world, _ *cluster) { w.stsAway = w.odds(2) }},
	{"API server away", 2, func(_ *world, c *cluster) { c.apiDown = true }},
	{"API server back", 5, func(_ *world, c *cluster) { c.apiDown = false }},
	{"clock jumps", 3, func(w *world, c *cluster) {
		c.skew = time.Duration(w.chance.IntN(24*60)-12*60) * time.Minute
		c.jumped = true
		c.lie()
		c.changed()
	}},
	{"clock right", 4, func(_ *world, c *cluster) {
		c.skew = 0
		c.changed()
	}},
	{"watches late", 4, func(w *world, c *cluster) { c.lag = time.Duration(w.chance.IntN(300)) * time.Second }},
	{"watches in time", 4, func(_ *world, c *cluster) {
		c.lag = 0
		c.shake()
	}},
	{"watches tell twice", 2, func(w *world, c *cluster) { c.doubled = w.odds(2) }},
	{"watches end", 3, func(_ *world, c *cluster) {
		c.api.EndWatches()
		c.shake()
	}},
	{"history compacted", 3, func(_ *world, c *cluster) {
		c.api.Compact()
		c.shake()
		c.api.EndWatches()
	}},
	{"effect disturbed", 24, (*world).disturb},
	{"leader stands still before it writes a Secret", 24, func(_ *world, c *cluster) {
		if p := c.leader; p != nil && p.task == nil {
			p.plan = plan{in: 1, what: stopBefore, on: "v1.Secret"}
		}
	}},
	{"another leads", 8, (*world).depose},
	{"nobody leads", 2, func(_ *world, c *cluster) { c.leader = nil }},
	{"stopped process goes on", 24, (*world).goOn},
	{"process restarted", 5, func(w *world, c *cluster) { pick(w, c.processes...).restart() }},
}

// step is one of a history: a while of life, or a move.
func (w *world) step() {
	if w.chance.IntN(5) < 3 {
		w.live(time.Duration(1+w.chance.IntN(15)) * time.Minute)
		return
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := w.chance.IntN(total)
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			w.Say("MOVE: %s", m.name)
			w.count.Count(history.Faults, m.name)
			m.do(w, w.cluster)
			synctest.Wait() // what others do about it comes before the next move
			return
		}
	}
}

// live lets time pass, and the leader do its rounds.
func (w *world) live(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && !w.Fails(); {
		synctest.Wait()
		c := w.cluster
		if c.leader == nil || c.leader.task != nil {
			w.sleep(min(time.Minute, time.Until(end)))
			if w.odds(3) {
				w.depose(c)
			}
			continue
		}
		set, at := c.leader.next()
		if set == "" || !c.leader.cache.isSynced() {
			w.sleep(min(10*time.Second, time.Until(end)))
			continue
		}
		if wait := time.Until(at); wait > 0 {
			w.sleep(min(wait, time.Until(end)))
			continue
		}
		c.leader.round(set)
	}
}

// sleep lets time pass, or less of it when something becomes due.
func (w *world) sleep(d time.Duration) {
	select {
	case <-w.poke:
		time.Sleep(min(d, time.Millisecond))
	case <-time.After(d):
	}
}

// depose makes the other replica the leader, which begins with a round of each set.
func (w *world) depose(c *cluster) {
	for _, p := range c.processes {
		if p != c.leader && p.task == nil {
			c.leader = p
			c.shake()
			w.Say("%s leads", p)
			for _, set := range c.sets() {
				p.wake(w, set.Name)
			}
			return
		}
	}
}

func (w *world) goOn(c *cluster) {
	for _, p := range c.processes {
		if p.task != nil {
			p.resume()
			return
		}
	}
}

// disturb makes something happen at one of the next effects.
func (w *world) disturb(c *cluster) {
	if p := c.leader; p != nil && p.task == nil {
		p.plan = plan{in: 1 + w.chance.IntN(3), what: pick(w, whats...), on: pick(w, "", "Secret", "ask CAP", "status")}
	}
}

// editSecret is somebody who writes a Secret: by mistake, from a backup, or because they do not know better.
func (c *cluster) editSecret(ref types.NamespacedName) {
	w := c.w
	switch w.chance.IntN(10) {
	case 0:
		c.deleteSecret(ref)
	case 1:
		c.putSecret(ref, func(s *corev1.Secret) { s.Data = nil })
	case 2, 3: // an old content, or one of another Secret
		if old := c.written[pick(w, targets...)]; len(old) > 0 {
			c.putSecret(ref, func(s *corev1.Secret) { s.Data = old[w.chance.IntN(len(old))].Data })
		}
	case 4:
		c.putSecret(ref, func(s *corev1.Secret) {
			set(s, "aws_access_key_id", "AKIAFOREIGN")
			set(s, "aws_secret_access_key", foreignSecret)
		})
	case 5, 6:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, fmt.Sprint(foreignSecret, w.chance.IntN(100))) })
	case 7:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, "role", pick(w, append([]string{unknownRole}, roles...)...)) })
	case 8:
		c.putSecret(ref, func(s *corev1.Secret) {
			s.Labels = map[string]string{"touched": fmt.Sprint(w.chance.IntN(100))}
			delete(s.Annotations, v1alpha1.ExpiresAtAnnotation)
		})
	case 9:
		c.putSecret(ref, func(s *corev1.Secret) {
			s.Type, s.Immutable = pick(w, corev1.SecretTypeOpaque, corev1.SecretType("example.com/other")), ptr.To(w.odds(2))
		})
	}
}

func set(s *corev1.Secret, key, value string) {
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	s.Data[key] = []byte(value)
}

// interfere is somebody who writes the Secret that the operator is about to write, or makes another one of the same name.
func (c *cluster) interfere(o client.Object) {
	ref := client.ObjectKeyFromObject(o)
	c.w.Say("somebody is quicker with %s", ref)
	switch c.w.chance.IntN(3) {
	case 0:
		c.deleteSecret(ref)
	case 1:
		c.deleteSecret(ref)
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, foreignSecret) })
	case 2:
		c.putSecret(ref, func(s *corev1.Secret) { set(s, foreignKey, fmt.Sprint(foreignSecret, c.w.chance.IntN(100))) })
	}
}

func (w *world) changeRequests(c *cluster) {
	r := pick(w, append([]request{{"storage", "b", storage, false}}, payloadRequests...)...)
	switch w.chance.IntN(4) {
	case 0:
		c.deleteRequest(r.name)
	case 1:
		r.team, r.timed = pick(w, "a", "b"), w.odds(3)
		c.putRequest(r)
	case 2:
		r.secret = pick(w, targets...)
		c.putRequest(r)
	case 3:
		c.putRequest(r)
	}
}

func (w *world) changeCertificate(c *cluster) {
	switch w.chance.IntN(6) {
	case 0:
		c.deleteSecret(certificateRef)
		c.changed()
	case 1:
		c.putSecret(certificateRef, func(s *corev1.Secret) { set(s, "cap.key", "not a key") })
		c.changed()
	case 2:
		c.putCertificate(simtls.Valid(time.Now().Add(-48*time.Hour), time.Now().Add(time.Duration(w.chance.IntN(120)-60)*time.Minute)))
	case 3:
		c.putCertificate(simtls.Valid(time.Now().Add(time.Hour), time.Now().Add(48*time.Hour)))
	default:
		c.putCertificate()
	}
}

// portalFaults are all but a body of 20 MB and an expiry that the operator may believe in for 36 hours.
var portalFaults = func() []simcap.FaultKind {
	var kinds []simcap.FaultKind
	for _, k := range simcap.FaultKinds() {
		if k != simcap.FaultHuge && k != simcap.FaultAbsurdExpiry {
			kinds = append(kinds, k)
		}
	}
	return kinds
}()

// misleading are the faults after which a credential may be dead and look alive.
var misleading = map[simcap.FaultKind]bool{
	simcap.FaultExpired: true, simcap.FaultUnreadableExpiry: true, simcap.FaultDeadKeys: true, simcap.FaultNoExpiration: true,
}

func (w *world) breakPortal(c *cluster) {
	f := simcap.Fault{Kind: pick(w, portalFaults...), Role: pick(w, "", "", roles[0], roles[1]), Skip: w.chance.IntN(2), Times: 1 + w.chance.IntN(8)}
	switch f.Kind {
	case simcap.FaultRateLimited:
		f.RetryAfter = pick(w, "", fmt.Sprint(w.chance.IntN(1200)), time.Now().Add(5*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	case simcap.FaultAnswer:
		f.Status, f.ContentType = pick(w, 401, 403, 503, 504, 200), "application/json"
		f.Body, f.RetryAfter = pick(w, "{}", "[]", `{"status":401,"message":"who are you"}`), pick(w, "", fmt.Sprint(w.chance.IntN(600)))
	case simcap.FaultDelay:
		f.Delay = simctl.Duration(time.Duration(w.chance.IntN(60)) * time.Second)
	}
	if misleading[f.Kind] {
		c.lie()
	}
	w.count.Count(history.Faults, "CAP: "+string(f.Kind))
	must(w.portal.Break(f))
}

// changeHabits changes how CAP answers when it answers well. What it lets the operator guess may be wrong.
func (w *world) changeHabits(c *cluster) {
	w.portal.Configure(func(s *simcap.Settings) {
		*s = simcap.Settings{}
		switch w.chance.IntN(8) {
		case 0:
			s.Lifetime = simctl.Duration(pick(w, 15*time.Minute, 30*time.Minute, 12*time.Hour))
			c.lie() // a new credential may expire before an old one
		case 1:
			s.OmitExpiration = true
			c.lie()
		case 2:
			s.OmitSessionToken = true
		case 3:
			s.NumericZone = true
		case 4:
			s.ExpirationLayout, s.ExpirationZone = "2006-01-02T15:04:05", simctl.Duration(pick(w, -5*time.Hour, 9*time.Hour))
			c.lie()
		case 5:
			s.ReuseUntilPercent = pick(w, 30, 70)
		case 6:
			s.DateSkew = simctl.Duration(time.Duration(w.chance.IntN(120)-60) * time.Minute)
			c.lie()
		case 7:
			s.AssumeRoleShape = true
		}
	})
}

// mend ends what is wrong with the portal.
func (w *world) mend() {
	w.portal.Heal()
	w.portal.Configure(func(s *simcap.Settings) { *s = simcap.Settings{} })
	w.down, w.expired, w.stsAway = false, false, false
}
