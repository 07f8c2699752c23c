// Command lowerbound does the minimum to refresh Secrets: one request to CAP for each role and one write for each Secret, without
// watches, state or checks. The operator's cost is compared with it.
//
// It reads commands from its standard input, a line each: "fill" creates the Secrets, "refresh" gives them new credentials. Its flags
// add what the operator does beside, a step at a time, to show what each costs; with -plain it writes as a program does that thinks of no cost.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// Task is a program's input, in the file that PEER_TASK names. The API server is that of KUBECONFIG.
type Task struct {
	// URL of CAP, to which the parameter role is added.
	URL string `json:"url"`
	// Certificate, Key and CA are the names of PEM files.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	// Secrets by the role whose credential they get.
	Secrets map[string][]types.NamespacedName `json:"secrets"`
	// Sets are the roles of each CAPCredentialSet.
	Sets map[string][]string `json:"sets"`
}

// workers is how many roles are processed in parallel, as in the operator by default.
const workers = 4

// steps are what the operator does beside the minimum.
type steps struct {
	// apply creates the Secrets by server-side apply, which the operator's rights allow, and bookkeeping adds its annotations.
	apply, bookkeeping bool
	// precondition makes each write depend on the version that was seen, and watch watches the Secrets, with a request a name.
	precondition, watch bool
	// status reports each refresh in the status of the set.
	status bool
	// plain refreshes by a merge patch, and lets the API server validate its fields, which is client-go's default.
	plain bool
}

func main() {
	with := steps{}
	flag.BoolVar(&with.apply, "apply", false, "create the Secrets by server-side apply")
	flag.BoolVar(&with.bookkeeping, "bookkeeping", false, "write annotations as the operator does")
	flag.BoolVar(&with.precondition, "precondition", false, "write only what has not changed since")
	flag.BoolVar(&with.watch, "watch", false, "watch the Secrets")
	flag.BoolVar(&with.status, "status", false, "write the status of each set after each refresh")
	flag.BoolVar(&with.plain, "plain", false, "refresh by merge patches with field validation, and not in the cheapest way")
	flag.Parse()
	if err := run(context.Background(), with); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, with steps) error {
	p, err := newProgram()
	if err != nil {
		return err
	}
	p.steps = with
	if with.watch {
		if err := p.watchAll(ctx); err != nil {
			return err
		}
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := p.all(ctx, lines.Text() == "fill"); err != nil {
			return err
		}
		if !with.status {
			continue
		}
		for set := range p.task.Sets {
			if err := p.report(ctx, set); err != nil {
				return err
			}
		}
	}
	return nil
}

type program struct {
	steps
	task    Task
	portal  *http.Client
	secrets corev1client.SecretsGetter
	sets    dynamic.ResourceInterface
	// seen are the Secrets as last written, of type metav1.Object, by reference; for preconditions.
	seen sync.Map
}

func newProgram() (*program, error) {
	p := &program{}
	text, err := os.ReadFile(os.Getenv("PEER_TASK"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &p.task); err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(p.task.Certificate, p.task.Key)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(p.task.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p.portal = &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: workers,
	}}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = -1, -1
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf
	if p.secrets, err = corev1client.NewForConfig(config); err != nil {
		return nil, err
	}
	sets, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	p.sets = sets.Resource(v1alpha1.GroupVersion.WithResource("capcredentialsets"))
	return p, nil
}

// all processes each role once.
func (p *program) all(ctx context.Context, fill bool) error {
	roles := make(chan string)
	errs := make(chan error, workers)
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for role := range roles {
				if err := p.one(ctx, role, fill); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	go func() {
		defer close(roles)
		for role := range p.task.Secrets {
			roles <- role
		}
	}()
	wait.Wait()
	close(errs)
	return <-errs
}

func (p *program) one(ctx context.Context, role string, fill bool) error {
	data, err := p.ask(ctx, role)
	if err != nil {
		return err
	}
	for _, ref := range p.task.Secrets[role] {
		if err := p.write(ctx, role, ref, data, fill); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) write(ctx context.Context, role string, ref types.NamespacedName, data map[string][]byte, fill bool) error {
	secret := corev1ac.Secret(ref.Name, ref.Namespace).WithData(data)
	if p.bookkeeping {
		secret.WithAnnotations(bookkeeping(role))
	}
	written, err := p.send(ctx, ref, secret, fill)
	if err == nil && p.precondition {
		p.seen.Store(ref, metav1.Object(&written.ObjectMeta))
	}
	return err
}

// manager is the field manager of all writes, so that each Secret has one owner.
const manager = "lowerbound"

func (p *program) send(ctx context.Context, ref types.NamespacedName, secret *corev1ac.SecretApplyConfiguration, fill bool) (*corev1.Secret, error) {
	kind, options := types.StrategicMergePatchType, metav1.PatchOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationIgnore}
	if p.plain {
		kind, options.FieldValidation = types.MergePatchType, ""
	}
	switch {
	case fill && p.apply:
		kind = types.ApplyPatchType
		secret.WithType(corev1.SecretTypeOpaque)
	case fill:
		created := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: ref.Name, Annotations: secret.Annotations}, Data: secret.Data}
		return p.secrets.Secrets(ref.Namespace).Create(ctx, created, metav1.CreateOptions{FieldManager: manager})
	default:
		secret = &corev1ac.SecretApplyConfiguration{ObjectMetaApplyConfiguration: &metav1ac.ObjectMetaApplyConfiguration{Annotations: secret.Annotations}, Data: secret.Data}
		if last, ok := p.seen.Load(ref); ok {
			secret.WithUID(last.(metav1.Object).GetUID()).WithResourceVersion(last.(metav1.Object).GetResourceVersion())
		}
	}
	body, err := json.Marshal(secret)
	if err != nil {
		return nil, err
	}
	return p.secrets.Secrets(ref.Namespace).Patch(ctx, ref.Name, kind, body, options)
}

// bookkeeping is as much as the operator notes on a Secret.
func bookkeeping(role string) map[string]string {
	now := time.Now().UTC()
	return plan.Bookkeeping{Role: role, RefreshedAt: now, ExpiresAt: now.Add(time.Hour), Expiry: v1alpha1.ExpiryTold}.
		Annotations("set", strings.Repeat("s", sealLength))
}

// sealLength is about that of the operator's seal.
const sealLength = 80

// mostRows is how many fresh Secrets the operator lists in a status.
const mostRows = 50

// report writes the status of a set as the operator does when all its Secrets are fresh.
func (p *program) report(ctx context.Context, set string) error {
	now := metav1.Now()
	expires := metav1.NewTime(now.Add(time.Hour))
	var rows []v1alpha1.CredentialTargetStatus
	for _, role := range p.task.Sets[set] {
		for _, ref := range p.task.Secrets[role] {
			rows = append(rows, v1alpha1.CredentialTargetStatus{
				Namespace: ref.Namespace, Name: ref.Name, Role: role, RefreshedAt: &now, ExpiresAt: &expires, Expiry: v1alpha1.ExpiryTold, Result: v1alpha1.ReasonFresh,
			})
		}
	}
	status := v1alpha1.CAPCredentialSetStatus{
		Credentials: fmt.Sprintf("%[1]d/%[1]d", len(rows)), EarliestExpiry: &expires, NextRefresh: &expires,
		Targets: rows[:min(len(rows), mostRows)], TargetsNotListed: int32(max(0, len(rows)-mostRows)),
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonFresh, Message: "All credentials are fresh.", LastTransitionTime: now,
		}},
	}
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = p.sets.Patch(ctx, set, types.MergePatchType, body, metav1.PatchOptions{FieldManager: manager}, "status")
	return err
}

// watchAll watches each name in all namespaces, and drops what comes.
func (p *program) watchAll(ctx context.Context) error {
	names := map[string]bool{}
	for _, refs := range p.task.Secrets {
		for _, ref := range refs {
			names[ref.Name] = true
		}
	}
	for name := range names {
		events, err := p.secrets.Secrets(metav1.NamespaceAll).Watch(ctx, metav1.ListOptions{
			FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(), TimeoutSeconds: ptr.To(int64((24 * time.Hour).Seconds())),
		})
		if err != nil {
			return err
		}
		go func() {
			for range events.ResultChan() {
			}
		}()
	}
	return nil
}

// ask requests the credential of one role from CAP.
func (p *program) ask(ctx context.Context, role string) (map[string][]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.task.URL+"&role="+url.QueryEscape(role), nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.portal.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Credentials.SessionToken == "" {
		return nil, errors.Join(errors.New("CAP issued no credential"), err)
	}
	c := answer.Credentials
	return awscreds.Render(awscreds.Credential{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}), nil
}
