// Command lowerbound does the minimum to refresh Secrets: one request to CAP for each role and one write for each Secret, without
// watches, state or checks. The operator's cost is compared with it.
//
// It reads commands from its standard input, a line each: "fill" creates the Secrets, "refresh" gives them new credentials.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"

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
}

// workers is how many roles are processed in parallel, as in the operator by default.
const workers = 4

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	p, err := newProgram()
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := p.all(ctx, lines.Text() == "fill"); err != nil {
			return err
		}
	}
	return nil
}

type program struct {
	task    Task
	portal  *http.Client
	secrets corev1client.SecretsGetter
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
	p.secrets, err = corev1client.NewForConfig(config)
	return p, err
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
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return err
	}
	for _, ref := range p.task.Secrets[role] {
		secrets := p.secrets.Secrets(ref.Namespace)
		if fill {
			_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: ref.Name}, Data: data}, metav1.CreateOptions{})
		} else {
			_, err = secrets.Patch(ctx, ref.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		}
		if err != nil {
			return err
		}
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
