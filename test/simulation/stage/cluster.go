package stage

import (
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
)

// Kind is what a simulation brings along for a cluster.
type Kind interface {
	// List is an empty list of the objects that are reconciled.
	List() client.ObjectList
	// Born is the operator of a process that begins.
	Born(l *Life) Operator
	// Interfere is somebody who writes what the operator is about to write.
	Interfere(o client.Object)
	// Judge is for a write of the operator that has taken effect.
	Judge(l *Life, name string, before, after client.Object)
	// Ended is for the objects after a reconcile.
	Ended()
}

// Cluster has an API server, replicas of the operator, and people.
type Cluster struct {
	World     *World
	Kind      Kind
	Name      string
	API       *apiserver.Server
	Processes []*Process
	Leader    *Process // nil while nobody leads
	Skew      time.Duration
	APIDown   bool
	Lag       time.Duration // of the watches
	Doubled   bool          // each event of a watch comes twice
	Rounds    Rate          // reconciles within the last hour
	// Forbidden is how the names of the writes begin that the operator has no right to; empty: it may write everything.
	Forbidden string
	// Meddlers write a Secret first once in so many times that the operator is about to.
	Meddlers int
	// Backoff is the manager's wait after a reconcile that has failed, at first and in the end.
	Backoff [2]time.Duration

	shakenAt time.Time
	vacant   time.Time // when somebody may take the lead
}

// AddCluster makes a cluster without processes.
func (w *World) AddCluster(name string, kind Kind, scheme *runtime.Scheme) *Cluster {
	c := &Cluster{World: w, Kind: kind, Name: name}
	var err error
	c.API, err = apiserver.New(apiserver.Options{Scheme: scheme})
	Must(err)
	w.Clusters = append(w.Clusters, c)
	return c
}

// Populate starts processes, the first of which leads.
func (c *Cluster) Populate(n int) {
	for i := range n {
		p := &Process{Cluster: c, name: fmt.Sprintf("%s/replica-%d", c.Name, i)}
		c.Processes = append(c.Processes, p)
		p.born()
	}
	c.Leader = c.Processes[0]
}

// Base is the cluster itself, for kinds that embed it.
func (c *Cluster) Base() *Cluster { return c }

// Shaken is true while a process may not know its own last status: the answer was lost, another one wrote it, or the watches are late.
func (c *Cluster) Shaken() bool { return c.Lag > 0 || time.Since(c.shakenAt) < 5*time.Minute }

// Shake notes that it begins.
func (c *Cluster) Shake() { c.shakenAt = time.Now() }

// Person writes as people do.
const Person = client.FieldOwner("person")

// Stored is an object as the API server has it; nil if there is none. Nobody may change it.
func (c *Cluster) Stored(o client.Object) client.Object { return c.API.Peek(o) }

// Clock is that of the cluster's nodes.
func (c *Cluster) Clock() Clock { return Clock{c} }

// Clock may be wrong.
type Clock struct{ c *Cluster }

// Now implements clock.PassiveClock.
func (c Clock) Now() time.Time { return time.Now().Add(c.c.Skew) }

// Since implements clock.PassiveClock.
func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Rate counts what happens within an hour.
type Rate struct{ times []time.Time }

// Add counts one more, and says how many there were within the last hour.
func (r *Rate) Add() int {
	r.times = append(r.times, time.Now())
	return r.Len()
}

// Len is how many there were within the last hour.
func (r *Rate) Len() int {
	hourAgo := time.Now().Add(-time.Hour)
	for len(r.times) > 0 && r.times[0].Before(hourAgo) {
		r.times = r.times[1:]
	}
	return len(r.times)
}

// Past is what was true, and since when.
type Past[T any] struct {
	since  []time.Time
	values []T
}

// Note says what is true from now on. What has not been true for a day is forgotten.
func (p *Past[T]) Note(value T) {
	p.since, p.values = append(p.since, time.Now()), append(p.values, value)
	for len(p.since) > 1 && time.Since(p.since[1]) > Day {
		p.since, p.values = p.since[1:], p.values[1:]
	}
}

// Since are the values that were true at a time or later.
func (p *Past[T]) Since(at time.Time) []T {
	first := 0
	for first+1 < len(p.since) && !p.since[first+1].After(at) {
		first++
	}
	return p.values[first:]
}

func reasonOf(err error) string {
	if err == nil {
		return "done"
	}
	return string(apierrors.ReasonForError(err))
}
