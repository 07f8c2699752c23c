package capcredentialset

import (
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
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

const (
	// longestRetry is the longest wait that a failure, a portal's wish or a fight between writers leaves behind.
	longestRetry = 15 * time.Minute
	// rampCalls are the tries of the first minutes, before a rhythm has slowed down; deadCalls and patientCalls those of each hour after
	// that, of a role that has nothing and of one that waits for a person.
	rampCalls, deadCalls, patientCalls = 8, 76, 16
)

// watch runs one round and checks its effects.
func (w *walk) watch() time.Duration {
	w.t.Helper()
	calls := total(w.portal.calls)
	unsure := w.blind || w.mayBeMisled()
	dying := w.fuse.left >= 0
	wait := w.round("cap")
	w.rounds++
	if dying && w.fuse.left < 0 {
		w.blind = w.blind || w.offset != 0
		w.deaths++
	}
	if n := total(w.portal.calls) - calls; n > 2 {
		w.fail("one round sent %d requests for two roles", n)
	}
	w.mayBeMisled()
	for _, write := range w.secrets.writes[w.seen:] {
		w.judgeWrite(write, unsure)
	}
	w.seen = len(w.secrets.writes)
	w.judgeLives()
	return wait
}

func (w *walk) judgeWrite(write secretWrite, unsure bool) {
	w.t.Helper()
	w.tell("written: %s", write.ref)
	w.writes++
	w.old[write.ref] = append(w.old[write.ref], write.after)
	if sameKeys(write.before, write.after) && !write.creating {
		w.fail("%s was written without a change", write.ref)
	}
	if write.before != nil && string(write.before.Data["role"]) != string(write.after.Data["role"]) || write.before != nil && write.before.Labels["x"] != write.after.Labels["x"] {
		w.fail("%s lost what is not the operator's", write.ref)
	}
	if wantOwned(w.t, write.after); w.t.Failed() {
		w.fail("%s is not the operator's after it has been written", write.ref)
	}
	// What is not known to be the operator's own content is applied, whatever somebody did to it a moment before.
	if key := w.r.hashKey; key != nil && (write.patched && !observe(write.before, key).AsWritten() || !observe(write.after, key).AsWritten()) {
		w.fail("%s was patched although it was not as written, or is not now", write.ref)
	}
	if write.patched {
		w.patches++
	}
	// A credential from another Secret is as good as what is noted there: a portal that does not tell the time, or a clock that was
	// wrong and nobody knows, makes a dead one look alive. With such a clock AWS refuses every request anyway.
	if unsure {
		return
	}
	if w.portal.live(write.before) && !w.portal.live(write.after) {
		w.fail("%s has lost a live credential", write.ref)
	}
}

// mayBeMisled is true while a credential may be believed in that lives shorter than it seems: the portal does not say for how long, or
// not in a way that can be relied on, or its life was counted by a wrong clock alone.
func (w *walk) mayBeMisled() bool {
	p := w.portal
	if p.quiet || p.unreadable || p.zoneless || w.offset != 0 && p.dateless {
		w.misled = w.truth
	}
	return !w.misled.IsZero() && w.truth.Sub(w.misled) <= schedule.MaxCredentialLifetime
}

// judgeWell notes while the world is such that the operator cannot help it.
func (w *walk) judgeWell() {
	if w.blind || w.offset != 0 || w.facts.unknown || w.blindness || w.portal.keyless || len(w.portal.answers) > 0 || w.mayBeMisled() {
		w.unwell = w.truth
	}
}

// judgeLives: while CAP answers well, no Secret is dead for longer than one retry.
func (w *walk) judgeLives() {
	w.t.Helper()
	w.judgeWell()
	for _, r := range walkRefs {
		s, _, _ := w.secrets.Get(r.Namespace, r.Name)
		if w.portal.live(s) {
			delete(w.dead, r)
			continue
		}
		since, ok := w.dead[r]
		if !ok || since.Before(w.unwell) {
			since = w.truth
			if w.unwell.After(since) || !ok && w.unwell.Equal(w.truth) {
				since = w.unwell
			}
		}
		w.dead[r] = since
		if d := w.truth.Sub(since); d > longestRetry+time.Minute {
			w.fail("%s has been dead for %s while CAP answers well", r, d)
		}
	}
}

// live is a while in which the process runs as it does: it sleeps as long as each round says. While CAP does not answer well, it is asked
// only so often, whatever the mix of failures.
func (w *walk) live() {
	w.t.Helper()
	d := time.Duration(15+w.rng.IntN(60)) * time.Minute
	w.tell("the process runs for %s", d)
	before, deaths := map[string]int{"r0": w.portal.calls["r0"], "r1": w.portal.calls["r1"]}, w.deaths
	for end := w.truth.Add(d); w.truth.Before(end); {
		w.pass(max(w.watch(), time.Second))
	}
	w.lived += d
	for _, role := range []string{"r0", "r1"} {
		bad := w.portal.answers[role] != nil
		if !bad && !w.portal.keyless {
			continue
		}
		hourly := deadCalls
		if bad && w.patient[role] {
			hourly = patientCalls
		}
		n, most := w.portal.calls[role]-before[role], rampCalls*(1+w.deaths-deaths)+int(float64(hourly)*d.Hours())
		w.failing += n
		if n > most {
			w.fail("%d requests to CAP for %s within %s although they fail, want at most %d", n, role, d, most)
		}
	}
}

func total(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// counts are what a history has seen.
type counts struct {
	steps, rounds, writes, patches, deaths, failing int
	lived                                           time.Duration
}

func (c *counts) add(o counts) {
	c.steps, c.rounds, c.writes, c.patches, c.deaths = c.steps+o.steps, c.rounds+o.rounds, c.writes+o.writes, c.patches+o.patches, c.deaths+o.deaths
	c.failing, c.lived = c.failing+o.failing, c.lived+o.lived
}

// newWalk begins a history. Its clock moves within a round, by what each answer takes.
func newWalk(t testing.TB, seed int) *walk {
	set := propertySet()
	set.Spec.CredentialsRequests.AdoptExisting = true // what people and other programs put there is made good again
	set.Spec.Endpoint.MaxConcurrentRequests = 1       // so that a seed always gives the same run
	w := &walk{
		bench: newBench(t, set), rng: mathrand.New(mathrand.NewPCG(uint64(seed), 0)), old: map[types.NamespacedName][]*corev1.Secret{},
		dead: map[types.NamespacedName]time.Time{}, patient: map[string]bool{},
	}
	w.facts.requests = propertyRequests
	w.portal.takes = func() { w.pass(time.Duration(w.rng.IntN(2000)) * time.Millisecond) }
	w.watch()
	return w
}

func (w *walk) run(steps int) {
	for range steps {
		w.step()
		w.steps++
	}
	w.settle()
}

// TestRandomHistories walks through random histories of answers, crashes, clock jumps, edits of Secrets and of the spec. At each write it
// checks that no live credential was lost and that the content changed; while CAP answers well no Secret is dead for longer than a retry,
// and while it does not it is asked only so often; in the end, once all is well, everything is fresh again. CAPCREDENTIALSET_WALKS
// and CAPCREDENTIALSET_SEED make more of them, or one again.
func TestRandomHistories_NeverLoseALiveCredentialNeverWriteWithoutAChangeAndEndFresh(t *testing.T) {
	walks, seed := environment("CAPCREDENTIALSET_WALKS", 16), environment("CAPCREDENTIALSET_SEED", 1)
	var mu sync.Mutex
	var all counts
	calls := 0
	t.Run("all", func(t *testing.T) {
		for n := range walks {
			t.Run(fmt.Sprint("seed ", seed+n), func(t *testing.T) {
				t.Parallel()
				w := newWalk(t, seed+n)
				w.run(60)
				mu.Lock()
				defer mu.Unlock()
				all.add(w.counts)
				calls += total(w.portal.calls)
			})
		}
	})
	t.Logf("%d histories with %d steps and %d rounds, %s of them at a stretch: %d calls of the portal, %d of them while it answered badly; %d writes, %d of them merge patches; %d deaths of the process",
		walks, all.steps, all.rounds, all.lived, calls, all.failing, all.writes, all.patches, all.deaths)
	if all.patches == 0 || all.patches == all.writes {
		t.Error("not both ways of writing have been walked")
	}
}

// A failure that cannot be shown again is worth little.
func TestARandomHistory_IsTheSameForTheSameSeed(t *testing.T) {
	tell := func() string {
		w := newWalk(t, 7)
		for range 20 {
			w.step()
		}
		return strings.Join(w.story, "\n")
	}
	if a, b := tell(), tell(); a != b {
		t.Errorf("one seed gives two runs:\n%s\n\nand\n\n%s", a, b)
	}
}

// settle is the end of the bad times; after at most one refresh's wait everything must be fresh, and stay so.
func (w *walk) settle() {
	w.t.Helper()
	w.tell("the end of the bad times")
	clear(w.portal.answers)
	p := w.portal
	p.quiet, p.tokenless, p.dateless, p.reuse, p.unreadable, p.zoneless, p.keyless, p.lifetime = false, false, false, false, false, false, false, time.Hour
	w.secrets.interfere, w.fuse.left, w.secrets.updates, w.blindness, w.facts.unknown, w.sts.away = nil, -1, nil, false, false, false
	w.clock.SetTime(w.truth)
	w.offset = 0
	// The longest waits are those that the portal asks for and those between two failures. A process that does not know that the clock
	// was wrong, or that an expiry was, believes what is noted, for as long as any credential can live.
	pace, looks := 30*time.Second, 40
	if w.blind || w.mayBeMisled() {
		pace, looks = 15*time.Minute, int((schedule.MaxCredentialLifetime+time.Hour)/(15*time.Minute))
	}
	w.unwell = w.truth.Add(pace * time.Duration(looks))
	for range looks {
		w.watch()
		w.pass(pace)
	}
	for range 10 {
		w.watch()
		w.watch()
		if err := w.fresh(); err != nil {
			w.fail("it is not fresh again: %v", err)
		}
		w.pass(7 * time.Minute)
	}
}

func (w *walk) fresh() error {
	set := w.set("cap")
	if set.Status.Credentials != "4/4" {
		return fmt.Errorf("credentials are %s: %+v", set.Status.Credentials, set.Status.Targets)
	}
	for _, r := range walkRefs {
		s, _, _ := w.secrets.Get(r.Namespace, r.Name)
		if c, err := awscreds.Parse(s.Data); err != nil || !w.portal.live(s) || w.portal.roles[c.AccessKeyID] != rowOf(set, r.Namespace).Role {
			return fmt.Errorf("%s holds no live credential of its role", r)
		}
	}
	return nil
}

func environment(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}
