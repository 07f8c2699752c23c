package pullsecretrotation

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// The budget_*_test.go files let thousands of clusters of one account go through a rotation in virtual time: the decision is the operator's, the
// record is changed by its own transitions, and OCM is a counter of requests. What a reconcile does in full is tested elsewhere; here it is
// reduced to what it asks of OCM, and all requests of a reconcile count for the same second.

const (
	crowdBatch     = 6 * time.Hour
	crowdTelemetry = 6 * time.Hour
	crowdTransfer  = 5 * 24 * time.Hour
)

// crowdStart is when a repository brings the same edit to all clusters, whose operators start in that second too.
var crowdStart = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// crowd is an account: its clusters, and what OCM knows.
type crowd struct {
	now      time.Time
	clusters []*crowdCluster
	queue    crowdQueue
	dead     map[int]bool // their own token is refused, as after a mishap
	asleep   map[int]bool

	rotations []decide.Rotation
	nextBatch time.Time
	issuedAt  time.Time // of the one rotation
	endedAt   time.Time
	requested int

	asked    map[string]map[int]int // by endpoint and hour
	inSecond map[int64]int
	askers   map[int]int // how often each cluster has asked which have not switched
}

// crowdCluster is one cluster with its operator.
type crowdCluster struct {
	id       int
	status   v1alpha1.PullSecretRotationStatus
	facts    decide.Facts
	target   int // generation of credentials
	given    int // of what OCM issues, as read in this reconcile
	changed  time.Time
	looked   int // target when OCM was last asked
	proven   int
	poll     time.Time
	token    time.Time
	progress time.Time
	life     time.Duration // of its transfer
	next     time.Time
	switched time.Time
}

type crowdQueue []*crowdCluster

func (q crowdQueue) Len() int           { return len(q) }
func (q crowdQueue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q crowdQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *crowdQueue) Push(x any)        { *q = append(*q, x.(*crowdCluster)) }
func (q *crowdQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

var (
	crowdTiming = func() *decide.Timing { t := &decide.Timing{}; t.SetDefaults(); return t }()
	crowdSpec   = &v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, RotateAfter: &metav1.Time{Time: crowdStart}, SiblingClusters: v1alpha1.SiblingsAllow,
		Targets: []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}},
		OCM:     v1alpha1.OCMSpec{CredentialsSecretRef: &v1alpha1.LocalReference{Name: "ocm"}},
	}
)

func crowdID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// newCrowd are clusters that were counted an hour ago. Without positions each has a place by the hash of its id.
func newCrowd(size int, positions bool) *crowd {
	c := &crowd{now: crowdStart, nextBatch: crowdStart.Add(crowdBatch), asked: map[string]map[int]int{}, inSecond: map[int64]int{}, dead: map[int]bool{}, asleep: map[int]bool{}, askers: map[int]int{}}
	for i := range size {
		m := &crowdCluster{id: i, changed: crowdStart, looked: none, proven: none, next: crowdStart, life: crowdTransfer}
		m.status.ClusterID, m.status.Account, m.status.Salt = crowdID(i), &v1alpha1.AccountStatus{ID: "account"}, "salt"
		m.status.Siblings = &v1alpha1.SiblingsStatus{CountedAt: metav1.NewTime(crowdStart.Add(-time.Hour)), Clusters: ptr.To(int32(size))}
		if positions {
			m.status.Siblings.Position = ptr.To(int32(i))
		}
		c.clusters, c.queue = append(c.clusters, m), append(c.queue, m)
	}
	heap.Init(&c.queue)
	return c
}

// run lets everybody act until the rotation has ended everywhere, or too much time has passed.
func (c *crowd) run() { c.until(crowdStart.Add(9 * 24 * time.Hour)) }

// until is run with an end.
func (c *crowd) until(end time.Time) {
	open := 0
	for _, m := range c.clusters {
		if !c.asleep[m.id] && !c.ended(m) {
			open++
		}
	}
	for open > 0 && c.now.Before(end) {
		m := c.queue[0]
		if c.nextBatch.Before(m.next) {
			c.now = c.nextBatch
			c.batch()
			c.nextBatch = c.nextBatch.Add(crowdBatch)
			continue
		}
		c.now = m.next
		if c.asleep[m.id] {
			m.next = crowdStart.Add(1000 * 24 * time.Hour)
			heap.Fix(&c.queue, 0)
			continue
		}
		was := c.ended(m)
		m.next = c.now.Add(max(c.reconcile(m), time.Second))
		if c.ended(m) && !was {
			open--
		}
		heap.Fix(&c.queue, 0)
	}
}

func (c *crowd) ended(m *crowdCluster) bool {
	r := m.status.Rotation
	return r != nil && r.RevokedAt != nil && r.RevocationProvenAt != nil
}

// batch is one run of OCM's reconciler.
func (c *crowd) batch() {
	switch {
	case len(c.rotations) == 0 || !c.endedAt.IsZero():
	case c.issuedAt.IsZero():
		c.issuedAt = c.now
		c.rotations[0].UpdatedAt = c.now
	case !slices.ContainsFunc(c.clusters, func(m *crowdCluster) bool { return c.waitsFor(m) }):
		c.endedAt, c.rotations[0].Status, c.rotations[0].UpdatedAt = c.now, decide.RotationCompleted, c.now
	}
}

// waitsFor is true until a cluster's telemetry has reported with the new token, or its transfer has expired.
func (c *crowd) waitsFor(m *crowdCluster) bool {
	if !c.now.Before(c.expires(m)) {
		return false
	}
	if m.switched.IsZero() {
		return true
	}
	phase := time.Duration(m.id) * 7919 * time.Second % crowdTelemetry
	return c.now.Before(m.switched.Truncate(crowdTelemetry).Add(crowdTelemetry + phase))
}

func (c *crowd) expires(m *crowdCluster) time.Time { return c.rotations[0].CreatedAt.Add(m.life) }

func (c *crowd) newest() int {
	if c.issuedAt.IsZero() {
		return 0
	}
	return 1
}

// ask counts a request to OCM.
func (c *crowd) ask(endpoint string) {
	if c.asked[endpoint] == nil {
		c.asked[endpoint] = map[int]int{}
	}
	c.asked[endpoint][int(c.now.Sub(crowdStart)/time.Hour)]++
	c.inSecond[c.now.Unix()]++
}

// worstHour of an endpoint, or of all together if none is named.
func (c *crowd) worstHour(endpoint string) int {
	hours, most := map[int]int{}, 0
	for name, counts := range c.asked {
		for hour, n := range counts {
			if endpoint == "" || name == endpoint {
				hours[hour] += n
				most = max(most, hours[hour])
			}
		}
	}
	return most
}

func (c *crowd) worstSecond() int {
	most := 0
	for _, n := range c.inSecond {
		most = max(most, n)
	}
	return most
}
