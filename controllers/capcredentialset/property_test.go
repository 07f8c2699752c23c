package capcredentialset

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

func propertySet() *v1alpha1.CAPCredentialSet {
	set := namedSet("cap", time.Hour)
	set.Generation = 1
	set.Spec = v1alpha1.CAPCredentialSetSpec{
		Endpoint: v1alpha1.CAPEndpoint{
			URL: "https://cap.example.com/api", Agency: "a", Mission: "m", MaxConcurrentRequests: 2,
			ClientCertificateSecretRef: v1alpha1.LocalReference{Name: "cert"},
		},
		CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{DefaultRole: "r0", Roles: []v1alpha1.RequestRole{
			{Name: "machines", Role: "r1"}, {Name: "registry", Role: "r1"},
		}},
		Refresh: v1alpha1.RefreshSpec{AtLifetimePercent: 50},
	}
	return set
}

var propertyRequests = []cluster.CredentialsRequest{
	request("machines", machines), request("registry", registry), request("ingress", ingress), request("storage", storage),
}

// walk is a random history, and what has been seen on the way.
type walk struct {
	*bench
	rng *mathrand.Rand
	// story is what happened, for whoever has to understand a failure.
	story []string
	// blind is true when a process died while the clock was wrong: nobody is left who could know that it was set.
	blind bool
	seen  int
	// assumed is when the portal last gave credentials that die before the spec assumes it; undated is when it last told no time
	// while the cluster's clock was wrong.
	assumed, undated time.Time
	old              map[types.NamespacedName][]*corev1.Secret
	// offset of the cluster's clock from the truth.
	offset time.Duration
}

func (w *walk) tell(format string, args ...any) {
	w.story = append(w.story, w.truth.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	story := w.story[max(0, len(w.story)-25):]
	for _, line := range story {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// step is one thing that happens in the world, then as many rounds as follow at once.
func (w *walk) step() {
	refs := []types.NamespacedName{machines, registry, ingress, storage}
	r := refs[w.rng.IntN(len(refs))]
	role := "r" + strconv.Itoa(w.rng.IntN(2))
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		d := time.Duration(w.rng.IntN(40*60)) * time.Second
		w.tell("%s pass", d)
		w.pass(d)
	case 3:
		d := time.Duration(w.rng.IntN(3*24)) * time.Hour
		w.tell("the cluster sleeps for %s", d)
		w.pass(d)
	case 4:
		w.jump()
	case 5:
		w.edit(r)
	case 6:
		name, answer := w.badAnswer()
		w.tell("the portal answers %s for %s", name, role)
		w.portal.answers[role] = answer
	case 7:
		w.tell("the portal answers well")
		w.portal.answers = map[string]func() (awscreds.Credential, error){}
	case 8:
		w.portal.quiet, w.portal.tokenless, w.portal.reuse = w.rng.IntN(2) == 0, w.rng.IntN(3) == 0, w.rng.IntN(3) == 0
		w.portal.dateless = w.rng.IntN(3) == 0
		w.portal.lifetime = []time.Duration{time.Hour, 15 * time.Minute, 12 * time.Hour}[w.rng.IntN(3)]
		w.tell("the portal: quiet %v, tokenless %v, dateless %v, reuse %v, lifetime %s", w.portal.quiet, w.portal.tokenless, w.portal.dateless, w.portal.reuse, w.portal.lifetime)
	case 9:
		w.fuse.left, w.fuse.after = w.rng.IntN(4), w.rng.IntN(2) == 0
		w.tell("the process is killed at effect %d (after it: %v)", w.fuse.left, w.fuse.after)
	case 10:
		w.secrets.interfere = func(at types.NamespacedName) {
			w.secrets.interfere = nil
			w.edit(at)
		}
		w.tell("somebody will be quicker than the next write")
	case 11:
		w.tell("a restart")
		w.blind = w.blind || w.offset != 0
		w.start()
	}
	for range 3 {
		w.watch()
	}
}

// watch is one round, and looks at what it did.
func (w *walk) watch() {
	w.t.Helper()
	calls := total(w.portal.calls)
	assumed := w.assumptionsWrong() || w.misled()
	dying := w.fuse.left >= 0
	w.round("cap")
	if dying && w.fuse.left < 0 {
		w.blind = w.blind || w.offset != 0
	}
	if n := total(w.portal.calls) - calls; n > 2 {
		w.fail("one round asked %d times, and there are two roles", n)
	}
	for _, write := range w.secrets.writes[w.seen:] {
		w.tell("written: %s", write.ref)
		w.old[write.ref] = append(w.old[write.ref], write.after)
		if sameKeys(write.before, write.after) && !write.creating {
			w.fail("%s was written without a change", write.ref)
		}
		if write.before != nil && string(write.before.Data["role"]) != string(write.after.Data["role"]) || write.before != nil && write.before.Labels["x"] != write.after.Labels["x"] {
			w.fail("%s lost what is not the operator's", write.ref)
		}
		// A credential from another Secret is as good as what is noted there: a portal that does not tell the time, or a clock that was
		// wrong and nobody knows, makes a dead one look alive. With such a clock AWS refuses every request anyway.
		if w.blind || assumed {
			continue
		}
		if w.portal.live(write.before) && !w.portal.live(write.after) {
			w.fail("%s has lost a live credential", write.ref)
		}
	}
	w.seen = len(w.secrets.writes)
}

// assumptionsWrong is true while a credential may be believed in of which the portal did not say how long it lives, and which
// lives shorter than the spec assumes: what is copied then may be dead.
func (w *walk) assumptionsWrong() bool {
	if w.portal.quiet && w.portal.lifetime < time.Hour {
		w.assumed = w.truth
	}
	return !w.assumed.IsZero() && w.truth.Sub(w.assumed) <= time.Hour
}

// misled is true while a credential may be believed in whose life was counted by a wrong clock alone.
func (w *walk) misled() bool {
	if w.offset != 0 && w.portal.dateless {
		w.undated = w.truth
	}
	return !w.undated.IsZero() && w.truth.Sub(w.undated) <= schedule.MaxCredentialLifetime
}

func total(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// jump sets the cluster's clock wrong, or right again.
func (w *walk) jump() {
	offset := []time.Duration{0, -25 * time.Minute, 25 * time.Minute, -7 * time.Hour, 7 * time.Hour, -24 * 365 * time.Hour}[w.rng.IntN(6)]
	w.tell("the clock is %s off", offset)
	w.offset = offset
	w.clock.SetTime(w.truth.Add(offset))
}

// edit is what people and other programs do to a Secret.
func (w *walk) edit(r types.NamespacedName) {
	s, found, _ := w.secrets.Get(r.Namespace, r.Name)
	if !found {
		s = &corev1.Secret{Data: map[string][]byte{"role": []byte("r0")}}
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	what := w.rng.IntN(8)
	w.tell("somebody edits %s: %d", r, what)
	switch what {
	case 0:
		w.secrets.put(r, nil)
		return
	case 1:
		s.Data["credentials"] = []byte("[default]\naws_access_key_id = \n")
	case 2:
		for _, k := range awscreds.Keys() {
			delete(s.Data, k)
		}
	case 3:
		s.Annotations = nil
	case 4:
		s.Labels = map[string]string{"x": rand.Text()}
	case 5: // the CronJob of before: the same portal, no token
		w.portal.mu.Lock()
		c := w.portal.issue("r0")
		w.portal.mu.Unlock()
		c.SessionToken = ""
		delete(s.Data, awscreds.KeySessionToken)
		for k, v := range awscreds.Render(c) {
			s.Data[k] = v
		}
	case 6: // a backup is restored
		if all := w.old[r]; len(all) > 0 {
			s = all[w.rng.IntN(len(all))].DeepCopy()
			s.UID = ""
		}
	case 7:
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[v1alpha1.ExpiresAtAnnotation] = "9999-01-01T00:00:00Z"
	}
	w.secrets.put(r, s)
}

// badAnswer is one that must not reach a Secret. What is wrong with a body is internal/cap's to find; here is what it says.
func (w *walk) badAnswer() (string, func() (awscreds.Credential, error)) {
	classes := cap.Classes()
	class := classes[w.rng.IntN(len(classes))]
	var retryAfter time.Duration
	if w.rng.IntN(4) == 0 {
		retryAfter = time.Duration(w.rng.IntN(600)) * time.Second
	}
	return string(class), func() (awscreds.Credential, error) {
		return awscreds.Credential{}, &cap.Error{Class: class, Message: "m", RetryAfter: retryAfter}
	}
}

// TestRandomHistories walks through random histories of answers, crashes, clock jumps and edits. At each write it checks that
// no live credential was lost and that the content changed; in the end, once the portal answers well and the clock is right,
// everything is fresh again. CAPCREDENTIALSET_WALKS and CAPCREDENTIALSET_SEED make more of them, or one again.
func TestRandomHistories_NeverLoseALiveCredentialNeverWriteWithoutAChangeAndEndFresh(t *testing.T) {
	walks, seed := environment("CAPCREDENTIALSET_WALKS", 40), environment("CAPCREDENTIALSET_SEED", 1)
	steps, writes, calls := 0, 0, 0
	for n := range walks {
		t.Run(fmt.Sprint("seed ", seed+n), func(t *testing.T) {
			set := propertySet()
			set.Spec.CredentialsRequests.AdoptExisting = true // what people and other programs put there is made good again
			w := &walk{bench: newBench(t, set), rng: mathrand.New(mathrand.NewPCG(uint64(seed+n), 0)), old: map[types.NamespacedName][]*corev1.Secret{}}
			w.facts.requests = propertyRequests
			w.watch()
			for range 60 {
				w.step()
				steps++
			}
			w.settle()
			writes, calls = writes+len(w.secrets.writes), calls+total(w.portal.calls)
		})
	}
	t.Logf("%d histories with %d steps: %d calls of the portal, %d writes", walks, steps, calls, writes)
}

// settle is the end of the bad times; after at most one refresh's wait everything must be fresh, and stay so.
func (w *walk) settle() {
	w.t.Helper()
	w.tell("the end of the bad times")
	w.portal.answers = map[string]func() (awscreds.Credential, error){}
	w.portal.quiet, w.portal.tokenless, w.portal.dateless, w.portal.reuse, w.portal.lifetime = false, false, false, false, time.Hour
	w.secrets.interfere, w.fuse.left = nil, -1
	w.clock.SetTime(w.truth)
	w.offset = 0
	fresh := func() error {
		set := w.set("cap")
		if set.Status.Credentials != "4/4" {
			return fmt.Errorf("credentials are %s: %+v", set.Status.Credentials, set.Status.Targets)
		}
		for _, r := range []types.NamespacedName{machines, registry, ingress, storage} {
			if s, _, _ := w.secrets.Get(r.Namespace, r.Name); !w.portal.live(s) {
				return fmt.Errorf("%s holds no live credential", r)
			}
		}
		return nil
	}
	// The longest waits are those that the portal asks for (10 minutes here) and those between two failures. A process that
	// does not know that the clock was wrong believes what is noted, for as long as any credential can live.
	pace, looks := 30*time.Second, 60
	if w.blind {
		pace, looks = 10*time.Minute, int((schedule.MaxCredentialLifetime+time.Hour)/(10*time.Minute))
	}
	for range looks {
		w.watch()
		w.pass(pace)
	}
	for range 24 {
		w.watch()
		w.watch()
		if err := fresh(); err != nil {
			w.fail("it is not fresh again: %v", err)
		}
		w.pass(5 * time.Minute)
	}
}

func environment(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}
