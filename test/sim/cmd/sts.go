package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

// stsFlags are those of the STS simulator.
type stsFlags struct {
	options sts.Options
	keys    sts.RemoteKeys
}

func (f *stsFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.options.Address, "sts-listen", "127.0.0.1:0", "address of the STS service")
	flags.StringVar(&f.options.ControlAddress, "sts-control", "127.0.0.1:0", "address of the STS control port")
	flags.StringSliceVar(&f.options.Hosts, "sts-host", nil, "names and addresses in the server's certificate (default: this machine's)")
	flags.StringVar(&f.options.Region, "sts-region", "", "the only region that requests may be signed for (default: any)")
}

// addAlone adds the flags that only a separate STS simulator needs.
func (f *stsFlags) addAlone(c *cobra.Command) {
	f.add(c)
	c.Flags().StringVar(&f.keys.ControlURL, "cap-control-url", "", "control port of the CAP simulator that issues the keys")
}

// build prepares the simulator. The keys are those of the given CAP, or of one in another process if it is nil.
func (f *stsFlags) build(shared *sharedFlags, portal *cap.Sim) (part, error) {
	f.options.Clock = shared.clock()
	switch {
	case portal != nil:
		f.options.Keys = portal
	case f.keys.ControlURL != "":
		f.options.Keys = f.keys
	default:
		return part{}, errors.New("--cap-control-url is missing: STS accepts the keys of a CAP simulator")
	}
	service, err := sts.New(f.options)
	if err != nil {
		return part{}, err
	}
	return part{name: "STS", start: service.Start, close: service.Close, describe: func(files folder) ([]string, error) {
		ca, err := files.write("sts-ca.pem", service.CAPEM())
		if err != nil {
			return nil, err
		}
		return []string{
			"service  " + service.URL(),
			"control  " + service.ControlURL(),
			fmt.Sprintf("try      AWS_CA_BUNDLE=%s aws --endpoint-url %s --region us-iso-east-1 sts get-caller-identity", ca, service.URL()),
		}, nil
	}}, nil
}
