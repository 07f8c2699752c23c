package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mcoTick is the fake's poll interval: short compared to a test's waits, but cheap.
const mcoTick = 100 * time.Millisecond

// MachineConfigOperator fakes the machine-config-operator's handling of pull secrets: each change of the compacted document, even of the key
// order, becomes a new rendered configuration of every pool, after a moment in which the pools still claim to be up to date; then the machines of
// each pool switch one by one, each with its MachineConfigNode. Paused pools stay as they are.
type MachineConfigOperator struct {
	client client.Client
	// renderDelay is how long the pools still claim to be up to date; perMachine is what one machine takes.
	renderDelay, perMachine time.Duration

	mu       sync.Mutex
	degraded map[string]bool
	renders  int
	files    map[string][]byte // the documents, by the hash in the name of the configuration
	err      error

	cancel context.CancelFunc
	done   chan struct{}
}

// StartMachineConfigOperator starts the fake. The current content of openshift-config/pull-secret counts as rolled out.
func StartMachineConfigOperator(ctx context.Context, c client.Client, renderDelay, perMachine time.Duration) (*MachineConfigOperator, error) {
	m := &MachineConfigOperator{
		client: c, renderDelay: renderDelay, perMachine: perMachine,
		degraded: map[string]bool{}, files: map[string][]byte{}, done: make(chan struct{}),
	}
	first, err := m.pullSecretHash(ctx)
	if err != nil && !errors.Is(err, errNothingToRender) {
		return nil, err
	}
	m.files[seeded] = m.files[first]
	ctx, m.cancel = context.WithCancel(ctx)
	go m.run(ctx, first)
	return m, nil
}

// Stop ends the fake and returns its errors.
func (m *MachineConfigOperator) Stop() error {
	m.cancel()
	<-m.done
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Degrade makes the machines of a pool fail instead of switching, until Recover.
func (m *MachineConfigOperator) Degrade(pool string) { m.setDegraded(pool, true) }

// Recover ends Degrade.
func (m *MachineConfigOperator) Recover(pool string) { m.setDegraded(pool, false) }

// Renders counts the rendered configurations: each is a write to every machine of the cluster.
func (m *MachineConfigOperator) Renders() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.renders
}

func (m *MachineConfigOperator) setDegraded(pool string, degraded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.degraded[pool] = degraded
}

func (m *MachineConfigOperator) run(ctx context.Context, rendered string) {
	defer close(m.done)
	var changedAt, lastStep time.Time
	ticker := time.NewTicker(mcoTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		hash, err := m.pullSecretHash(ctx)
		switch {
		case err != nil:
		case hash == rendered:
			changedAt = time.Time{}
		case changedAt.IsZero():
			changedAt = now
		case now.Sub(changedAt) >= m.renderDelay:
			if err = m.render(ctx, hash); err == nil {
				rendered, changedAt = hash, time.Time{}
			}
		}
		if err == nil && now.Sub(lastStep) >= m.perMachine {
			lastStep, err = now, m.step(ctx)
		}
		if errors.Is(err, errNothingToRender) {
			continue // like the real one it renders nothing until somebody fixes the pull secret
		}
		if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
			m.mu.Lock()
			m.err = err
			m.mu.Unlock()
		}
	}
}

// errNothingToRender is the template controller's error for a pull secret that is missing or not JSON.
var errNothingToRender = errors.New("there is no pull secret that is JSON")

// pullSecretHash stands for the file that the template controller renders from the pull secret.
func (m *MachineConfigOperator) pullSecretHash(ctx context.Context) (string, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: PullSecretNamespace, Name: PullSecretName}
	if err := m.client.Get(ctx, key, secret); apierrors.IsNotFound(err) {
		return "", errNothingToRender
	} else if err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, secret.Data[corev1.DockerConfigJsonKey]); err != nil {
		return "", errNothingToRender
	}
	hash := fmt.Sprintf("%x", sha256.Sum256(compact.Bytes()))[:12]
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[hash] = compact.Bytes()
	return hash, nil
}

// File is the pull secret on a machine, by the configuration that the machine has.
func (m *MachineConfigOperator) File(ctx context.Context, machine string) ([]byte, error) {
	n := &machineconfigurationv1.MachineConfigNode{}
	if err := m.client.Get(ctx, client.ObjectKey{Name: machine}, n); err != nil {
		return nil, err
	}
	if n.Status.ConfigVersion == nil {
		return nil, fmt.Errorf("the machine %s has no configuration", machine)
	}
	name := n.Status.ConfigVersion.Current
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[name[strings.LastIndex(name, "-")+1:]], nil
}

// render gives every pool, even a paused one, its new configuration. Its machines still have the old one.
func (m *MachineConfigOperator) render(ctx context.Context, hash string) error {
	pools := &machineconfigurationv1.MachineConfigPoolList{}
	if err := m.client.List(ctx, pools); err != nil {
		return err
	}
	for i := range pools.Items {
		pool := &pools.Items[i]
		patch := client.MergeFrom(pool.DeepCopy())
		pool.Spec.Configuration.Name = renderedName(pool.Name, hash)
		if err := m.client.Patch(ctx, pool, patch); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.renders++
	m.mu.Unlock()
	return nil
}

// step lets one machine of each pool switch.
func (m *MachineConfigOperator) step(ctx context.Context) error {
	pools := &machineconfigurationv1.MachineConfigPoolList{}
	if err := m.client.List(ctx, pools); err != nil {
		return err
	}
	for i := range pools.Items {
		pool := &pools.Items[i]
		m.mu.Lock()
		degraded := m.degraded[pool.Name]
		m.mu.Unlock()
		patch := client.MergeFrom(pool.DeepCopy())
		stepPool(pool, degraded)
		if err := m.client.Status().Patch(ctx, pool, patch); err != nil {
			return err
		}
		if err := m.stepMachines(ctx, pool, degraded); err != nil {
			return err
		}
	}
	return nil
}

func stepPool(pool *machineconfigurationv1.MachineConfigPool, degraded bool) {
	s := &pool.Status
	behind := s.Configuration.Name != pool.Spec.Configuration.Name
	s.DegradedMachineCount = 0
	setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolDegraded, false, "")
	s.ObservedGeneration = pool.Generation
	switch {
	case !behind && s.UpdatedMachineCount < s.MachineCount:
		*s = settledPool(pool.Spec.Configuration, s.MachineCount) // the old document is back, so machines that had switched return to it
		s.ObservedGeneration = pool.Generation
	case behind && pool.Spec.Paused:
		s.UpdatedMachineCount = 0
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdated, false, "Pool is paused; will not update to "+pool.Spec.Configuration.Name)
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdating, false, "Pool is paused; will not update to "+pool.Spec.Configuration.Name)
	case behind && degraded:
		s.UpdatedMachineCount, s.DegradedMachineCount = 0, 1
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolDegraded, true, "1 nodes are reporting degraded status on sync")
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdated, false, "")
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdating, true, "All nodes are updating to "+pool.Spec.Configuration.Name)
	case behind:
		if s.UpdatedMachineCount >= s.MachineCount {
			s.UpdatedMachineCount = 0
		} else {
			s.UpdatedMachineCount++
		}
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdated, false, "")
		setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdating, true, "All nodes are updating to "+pool.Spec.Configuration.Name)
		if s.UpdatedMachineCount == s.MachineCount {
			*s = settledPool(pool.Spec.Configuration, s.MachineCount)
			s.ObservedGeneration = pool.Generation
		}
	}
}

// settledPool is the status of a pool whose machines all have the configuration.
func settledPool(c machineconfigurationv1.MachineConfigPoolStatusConfiguration, machines int32) machineconfigurationv1.MachineConfigPoolStatus {
	pool := &machineconfigurationv1.MachineConfigPool{Status: machineconfigurationv1.MachineConfigPoolStatus{
		ObservedGeneration: 1, Configuration: c,
		MachineCount: machines, UpdatedMachineCount: machines, ReadyMachineCount: machines,
		CertExpirys: []machineconfigurationv1.CertExpiry{},
	}}
	setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdated, true, "All nodes are updated with "+c.Name)
	setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolUpdating, false, "")
	setPoolCondition(pool, machineconfigurationv1.MachineConfigPoolDegraded, false, "")
	return pool.Status
}

func setPoolCondition(pool *machineconfigurationv1.MachineConfigPool, kind machineconfigurationv1.MachineConfigPoolConditionType, value bool, message string) {
	status := corev1.ConditionFalse
	if value {
		status = corev1.ConditionTrue
	}
	for i := range pool.Status.Conditions {
		if c := &pool.Status.Conditions[i]; c.Type == kind {
			if c.Status != status {
				c.LastTransitionTime = metav1.Now()
			}
			c.Status, c.Message = status, message
			return
		}
	}
	pool.Status.Conditions = append(pool.Status.Conditions, machineconfigurationv1.MachineConfigPoolCondition{
		Type: kind, Status: status, Message: message, LastTransitionTime: metav1.Now(),
	})
}

// seeded stands for the hash of the configuration that the machines have from the beginning.
const seeded = "seeded"

// renderedName is what the machine-config-operator calls a rendered configuration.
func renderedName(pool, hash string) string { return "rendered-" + pool + "-" + hash }
