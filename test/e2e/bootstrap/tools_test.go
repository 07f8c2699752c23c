package bootstrap

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// The environment of the tools.
const (
	kubectlVariable  = "TOOL_KUBECTL"
	requestsVariable = "TOOL_CREDENTIALS_REQUESTS"
)

// tools are the parts of other programs that the pages use.
var tools = map[string]func(args []string) error{"oc": oc, "openshift-install": openshiftInstall, "curl": curl}

// oc is kubectl plus `adm release extract`, which takes the requests from a directory instead of an image.
func oc(args []string) error {
	if !slices.Equal(args[:min(3, len(args))], []string{"adm", "release", "extract"}) {
		return kubectl(args...)
	}
	flags := pflag.NewFlagSet("oc", pflag.ContinueOnError)
	requests := flags.Bool("credentials-requests", false, "")
	included := flags.Bool("included", false, "")
	cloud, to, config := flags.String("cloud", "", ""), flags.String("to", "", ""), flags.String("install-config", "", "")
	if err := flags.Parse(args[3:]); err != nil {
		return err
	}
	if !*requests || !*included || *cloud != "aws" || flags.NArg() != 1 {
		return fmt.Errorf("unexpected arguments of oc: %q", args)
	}
	if _, err := os.Stat(*config); err != nil {
		return err
	}
	if err := os.Mkdir(*to, 0o755); err != nil {
		return err
	}
	// An older oc has no --included and writes those of every feature set; the test covers this harder case.
	return os.CopyFS(*to, os.DirFS(os.Getenv(requestsVariable)))
}

func kubectl(args ...string) error {
	cmd := exec.Command(os.Getenv(kubectlVariable), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// openshiftInstall creates manifests from install-config.yaml, and a cluster from the manifests like the bootstrap machine, which
// creates the objects file by file in the order of their names.
func openshiftInstall(args []string) error {
	flags := pflag.NewFlagSet("openshift-install", pflag.ContinueOnError)
	dir := flags.String("dir", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	manifests := filepath.Join(*dir, "manifests")
	switch strings.Join(flags.Args(), " ") {
	case "create manifests":
		source := filepath.Join(*dir, "install-config.yaml")
		config, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.Mkdir(manifests, 0o755); err != nil {
			return err
		}
		var object strings.Builder
		object.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cluster-config-v1\n  namespace: kube-system\ndata:\n  install-config: |\n")
		for line := range strings.Lines(string(config)) {
			object.WriteString("    " + line)
		}
		return errors.Join(os.WriteFile(filepath.Join(manifests, "cluster-config.yaml"), []byte(object.String()), 0o600), os.Remove(source))
	case "create cluster":
		return createInOrder(manifests)
	}
	return fmt.Errorf("unexpected arguments of openshift-install: %q", args)
}

// createInOrder creates the objects of a directory. It waits only for a kind whose CRD has just been created.
func createInOrder(dir string) error {
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	for _, f := range files {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			var out bytes.Buffer
			cmd := exec.Command(os.Getenv(kubectlVariable), "create", "--validate=strict", "-f", filepath.Join(dir, f.Name()))
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if err == nil {
				fmt.Print("created ", out.String())
				break
			}
			if !strings.Contains(out.String(), "no matches for kind") || time.Now().After(deadline) {
				return fmt.Errorf("%s: %s", f.Name(), out.String())
			}
		}
	}
	return nil
}

// curl supports the arguments of the pages.
func curl(args []string) error {
	flags := pflag.NewFlagSet("curl", pflag.ContinueOnError)
	cert, key, ca := flags.String("cert", "", ""), flags.String("key", "", ""), flags.String("cacert", "", "")
	fail, get := flags.Bool("fail", false, ""), flags.Bool("get", false, "")
	flags.Bool("silent", false, "")
	flags.Bool("show-error", false, "")
	data := flags.StringArray("data-urlencode", nil, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || !*get {
		return fmt.Errorf("unexpected arguments of curl: %q", args)
	}
	query := url.Values{}
	for _, d := range *data {
		name, value, _ := strings.Cut(d, "=")
		query.Set(name, value)
	}
	resp, err := askCAP(flags.Arg(0)+"?"+query.Encode(), *cert, *key, *ca)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if *fail && resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the requested URL returned error: %d", resp.StatusCode)
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}

// askCAP sends a GET with the client certificate in the files, or without one if no file is named.
func askCAP(address, cert, key, ca string) (*http.Response, error) {
	roots := x509.NewCertPool()
	bundle, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots.AppendCertsFromPEM(bundle)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: time.Minute}
	return client.Get(address)
}
