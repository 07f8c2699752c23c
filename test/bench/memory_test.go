package bench

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

const (
	// testedForeign gives 32 MB of foreign Secrets: a hundred times what the operator has to read.
	testedForeign = 1000
	// benchedForeign gives 320 MB, as in a large cluster; this fits into etcd's default quota of 2 GB.
	benchedForeign = 10000
	// bytesTolerance is for what differs from run to run, such as a conflict that makes a Secret be read once more. It is less
	// than ten of the foreign Secrets.
	bytesTolerance = 256 << 10
)

var payload = len(harness.PayloadRequests())

// The operator may cache what it reads, so it must not read foreign Secrets: neither at its start nor when they change, even in
// the namespaces of its targets.
func TestMemory_ForeignSecretsAreNotRead(t *testing.T) {
	w := newWorld(t, startControlPlane(t), "role")
	must(t, w.cp.Client.Create(t.Context(), w.set))
	without := w.bytesOfAStart(0)

	w.createForeign(testedForeign)
	with := w.bytesOfAStart(testedForeign)
	t.Logf("a start read %d bytes, and %d beside %d foreign Secrets of %d bytes", without, with, testedForeign, foreignSize)
	if with > without+bytesTolerance {
		t.Errorf("beside %d foreign Secrets the start read %d bytes more", testedForeign, with-without)
	}
	if without == 0 {
		t.Error("the start read nothing: the count is broken")
	}
}

// bytesOfAStart starts the operator, waits for its work, changes the foreign Secrets and one of its own, and ends it. It returns how
// many bytes the operator read from the API server.
func (w *world) bytesOfAStart(foreign int) int64 {
	w.t.Helper()
	before := w.api.BytesOut()
	w.start()
	w.eventuallyFresh(payload)
	w.touchForeign(foreign)
	// Changes before this one would have been read before it too.
	w.heal()
	code, err := w.operator.Stop(w.t.Context())
	must(w.t, err)
	if code != 0 {
		w.t.Errorf("the operator ended with %d", code)
	}
	w.forget()
	return w.api.BytesOut() - before
}

// heal deletes a target Secret and waits until it is back.
func (w *world) heal() {
	w.t.Helper()
	r := harness.PayloadRequests()[0]
	ref := client.ObjectKey{Namespace: r.SecretNamespace, Name: r.SecretName}
	gone := &corev1.Secret{}
	must(w.t, w.cp.Client.Get(w.t.Context(), ref, gone))
	must(w.t, w.cp.Client.Delete(w.t.Context(), gone.DeepCopy()))
	w.eventually("a deleted Secret is back", func(ctx context.Context) error {
		back := &corev1.Secret{}
		err := w.cp.Client.Get(ctx, ref, back)
		if err == nil && len(back.Data["credentials"]) == 0 {
			err = fmt.Errorf("%s has no credentials", ref)
		}
		return err
	})
}

// BenchmarkMemory prints the memory of the operator's process once its work is done, without and with foreign Secrets.
func BenchmarkMemory(b *testing.B) {
	for _, foreign := range []int{0, benchedForeign} {
		b.Run(fmt.Sprintf("foreign-secrets=%d", foreign), func(b *testing.B) {
			w := newWorld(b, startControlPlane(b), "role")
			w.createForeign(foreign)
			must(b, w.cp.Client.Create(b.Context(), w.set))
			for b.Loop() {
				w.measure(b)
			}
			// The duration does not matter here.
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measure runs the operator until its work is done and a few more reconciles have passed.
func (w *world) measure(b *testing.B) {
	w.start("--cap-max-sleep=250ms")
	w.eventuallyFresh(payload)
	w.heal()
	w.eventually("the set has been looked at again and again", func(ctx context.Context) error {
		rounds, err := w.rounds(ctx)
		if err == nil && rounds < 20 {
			err = fmt.Errorf("%v rounds", rounds)
		}
		return err
	})
	const mib = 1 << 20
	for unit, name := range map[string]string{
		"MiB-RSS": "process_resident_memory_bytes", "MiB-heap": "go_memstats_heap_inuse_bytes", "MiB-from-OS": "go_memstats_sys_bytes",
	} {
		value, err := w.metric(b.Context(), name, "")
		must(b, err)
		b.ReportMetric(value/mib, unit)
	}
	_, err := w.operator.Stop(b.Context())
	must(b, err)
}
