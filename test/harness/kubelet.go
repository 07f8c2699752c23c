package harness

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kubelet fakes the scheduler and the kubelets of a cluster, as far as a Pod is concerned whose container is never created: it binds the Pod to a
// machine, has the machine pull the image with the credentials of its own file, and writes the status that a kubelet writes. Where the container
// could be created, Ran has the Pod's name.
type Kubelet struct {
	// Client is an administrator's.
	Client client.Client
	// Now is the time, which may be virtual.
	Now func() time.Time
	// File is a machine's /var/lib/kubelet/config.json.
	File func(ctx context.Context, machine string) ([]byte, error)
	// Pull asks the registry for an image, with a credential or, if both are empty, without. Its error is the container runtime's.
	Pull func(ctx context.Context, image, username, password string) error
	// Cache is how long a kubelet uses credentials that it has read: five minutes in Kubernetes (pkg/credentialprovider/provider.go).
	Cache time.Duration
	// Bind binds a Pod to a machine; nil for the API server's own way, which not every fake has.
	Bind func(ctx context.Context, pod *corev1.Pod, machine string) error
	// Dead machines do nothing.
	Dead map[string]bool
	// Old kubelets, before Kubernetes 1.32, say why a pull fails only until they back off.
	Old bool

	mu    sync.Mutex
	read  map[string]kubeletFile
	pulls map[string]*pull
	log   []Pulled
	ran   []string
}

type kubeletFile struct {
	content []byte
	at      time.Time
}

// pull is what a machine has done for a Pod, by its UID.
type pull struct {
	attempts int
	next     time.Time
	said     string
}

// Pulled is a pull of a machine.
type Pulled struct {
	Machine, Image, Username, Password string
	At                                 time.Time
	Err                                error
}

// Pulls are those of all machines so far.
func (k *Kubelet) Pulls() []Pulled {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.log)
}

// Ran are the Pods whose container was created.
func (k *Kubelet) Ran() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.ran)
}

// Start lets the machines work until the returned function ends it; that returns their errors.
func (k *Kubelet) Start(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		var failed error
		ticker := time.NewTicker(mcoTick)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				done <- failed
				return
			case <-ticker.C:
			}
			if err := k.Step(ctx); err != nil && ctx.Err() == nil {
				failed = err
			}
		}
	}()
	return func() error { cancel(); return <-done }
}

// Step is one pass over all Pods of the cluster.
func (k *Kubelet) Step(ctx context.Context) error {
	pods := &corev1.PodList{}
	if err := k.Client.List(ctx, pods); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range pods.Items {
		err := k.sync(ctx, &pods.Items[i])
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // the Pod may be gone, or changed
			return fmt.Errorf("kubelet: the Pod %s: %w", pods.Items[i].Name, err)
		}
	}
	return nil
}

func (k *Kubelet) sync(ctx context.Context, pod *corev1.Pod) error {
	if pod.Status.Phase == corev1.PodFailed || !pod.DeletionTimestamp.IsZero() {
		return nil
	}
	if pod.Spec.NodeName == "" {
		machine, err := k.schedule(ctx, pod)
		if machine == "" || err != nil {
			return err
		}
		return k.bind(ctx, pod, machine) // the kubelet sees it in the next pass
	}
	if k.Dead[pod.Spec.NodeName] {
		return nil
	}
	before := pod.DeepCopy()
	if err := k.work(ctx, pod); err != nil {
		return err
	}
	return k.Client.Status().Patch(ctx, pod, client.MergeFrom(before))
}

func (k *Kubelet) bind(ctx context.Context, pod *corev1.Pod, machine string) error {
	if k.Bind != nil {
		return k.Bind(ctx, pod, machine)
	}
	return k.Client.SubResource("binding").Create(ctx, pod, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: machine},
	})
}

// schedule chooses the machine for a Pod by its node affinity; none if no machine fits.
func (k *Kubelet) schedule(ctx context.Context, pod *corev1.Pod) (string, error) {
	machines := &machineconfigurationv1.MachineConfigNodeList{}
	if err := k.Client.List(ctx, machines); err != nil {
		return "", err
	}
	if pod.Spec.Affinity == nil || pod.Spec.Affinity.NodeAffinity == nil {
		return "", errors.New("it may run anywhere")
	}
	for _, m := range machines.Items {
		for _, term := range pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			if fits(term, m) {
				return m.Name, nil
			}
		}
	}
	return "", nil
}

// fits is true for a term that selects a machine by its name, or by the label of its pool's role.
func fits(term corev1.NodeSelectorTerm, m machineconfigurationv1.MachineConfigNode) bool {
	for _, f := range term.MatchFields {
		if f.Key != metav1.ObjectNameField || !slices.Contains(f.Values, m.Name) {
			return false
		}
	}
	for _, e := range term.MatchExpressions {
		has := e.Key == "node-role.kubernetes.io/"+m.Spec.Pool.Name
		if has == (e.Operator == corev1.NodeSelectorOpNotIn || e.Operator == corev1.NodeSelectorOpDoesNotExist) {
			return false
		}
	}
	return len(term.MatchFields)+len(term.MatchExpressions) > 0
}

// work is what the kubelet of the Pod's machine does now.
func (k *Kubelet) work(ctx context.Context, pod *corev1.Pod) error {
	now := k.Now()
	if d := pod.Spec.ActiveDeadlineSeconds; d != nil && pod.Status.StartTime != nil && !now.Before(pod.Status.StartTime.Add(time.Duration(*d)*time.Second)) {
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
		return nil
	}
	if pod.Status.StartTime == nil {
		pod.Status.StartTime = &metav1.Time{Time: now}
	}
	pod.Status.Phase = corev1.PodPending
	p := k.pullOf(pod)
	waiting := &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	switch image := pod.Spec.Containers[0].Image; {
	case p.said == "" && p.attempts > 0: // it was pulled
		return k.create(ctx, pod)
	case now.Before(p.next):
		waiting.Reason, waiting.Message = "ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, p.said)
		if k.Old {
			waiting.Message = fmt.Sprintf("Back-off pulling image %q", image)
		}
	default:
		err := k.pull(ctx, pod.Spec.NodeName, image)
		p.attempts++
		if err == nil {
			p.said = ""
			return k.create(ctx, pod)
		}
		p.said, p.next = err.Error(), now.Add(min(10*time.Second<<(p.attempts-1), 5*time.Minute))
		waiting.Reason, waiting.Message = "ErrImagePull", p.said
	}
	k.says(pod, corev1.ContainerState{Waiting: waiting})
	return nil
}

func (k *Kubelet) pullOf(pod *corev1.Pod) *pull {
	if k.pulls == nil {
		k.pulls = map[string]*pull{}
	}
	p := k.pulls[string(pod.UID)]
	if p == nil {
		p = &pull{}
		k.pulls[string(pod.UID)] = p
	}
	return p
}

// create is the step after the pull, which needs every ConfigMap that the container names.
func (k *Kubelet) create(ctx context.Context, pod *corev1.Pod) error {
	for _, e := range pod.Spec.Containers[0].Env {
		if e.ValueFrom == nil || e.ValueFrom.ConfigMapKeyRef == nil {
			continue
		}
		name := e.ValueFrom.ConfigMapKeyRef.Name
		err := k.Client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: name}, &corev1.ConfigMap{})
		if apierrors.IsNotFound(err) {
			k.says(pod, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: fmt.Sprintf("configmap %q not found", name)}})
			return nil
		}
		if err != nil {
			return err
		}
	}
	k.ran = append(k.ran, pod.Name)
	k.says(pod, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(k.Now())}})
	return nil
}

func (k *Kubelet) says(pod *corev1.Pod, state corev1.ContainerState) {
	c := pod.Spec.Containers[0]
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: c.Name, Image: c.Image, State: state}}
}

// pull asks the registry with each credential of the file that fits the image, the most specific first, as a kubelet does.
func (k *Kubelet) pull(ctx context.Context, machine, image string) error {
	file, err := k.remembered(ctx, machine)
	if err != nil {
		return err
	}
	var failed error
	for _, c := range credentialsFor(file, image) {
		failed = k.Pull(ctx, image, c[0], c[1])
		k.log = append(k.log, Pulled{Machine: machine, Image: image, Username: c[0], Password: c[1], At: k.Now(), Err: failed})
		if failed == nil {
			return nil
		}
	}
	return failed
}

// remembered is the machine's file as its kubelet knows it.
func (k *Kubelet) remembered(ctx context.Context, machine string) ([]byte, error) {
	if k.read == nil {
		k.read = map[string]kubeletFile{}
	}
	if f, ok := k.read[machine]; ok && k.Now().Before(f.at.Add(k.Cache)) {
		return f.content, nil
	}
	content, err := k.File(ctx, machine)
	if err != nil {
		return nil, err
	}
	k.read[machine] = kubeletFile{content, k.Now()}
	return content, nil
}

// Use has every machine read its file now, as it does for any other Pod.
func (k *Kubelet) Use(ctx context.Context, machines ...string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range machines {
		if _, err := k.remembered(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// credentialsFor are user names and passwords for an image; without any, the pull is anonymous.
func credentialsFor(file []byte, image string) [][2]string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(file, &d); err != nil {
		return [][2]string{{}}
	}
	var keys []string
	for key := range d.Auths {
		if bare := strings.TrimPrefix(key, "https://"); strings.HasPrefix(image, bare+"/") || strings.HasPrefix(image, bare+":") || strings.HasPrefix(image, bare+"@") {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	list := make([][2]string, 0, len(keys)+1)
	for _, key := range keys {
		raw, _ := base64.StdEncoding.DecodeString(d.Auths[key].Auth)
		user, password, _ := strings.Cut(string(raw), ":")
		list = append(list, [2]string{user, password})
	}
	if len(list) == 0 {
		return [][2]string{{}}
	}
	return list
}
