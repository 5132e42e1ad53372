// Renders templates with Go's text/template and sprig's functions, as the controller of bitnami sealed-secrets does.
//
// One JSON object a line on stdin, one answer a line on stdout, in the same order:
//
//	{"functions": true}
//	  -> {"functions": {"abbrev": "func(int, string) string", ...}}
//	{"name": "key", "template": BYTES, "data": {"k": BYTES}}
//	  -> {"output": BYTES} or {"failed": "parse" | "execute" | "time" | "size", "error": "..."}
//
//	{"name": "host", "verify": {"authority": PEM, "certificate": PEM, "key": PEM}}
//	  -> {"output": BYTES} with what Go reads in the certificate, or {"failed": "verify", "error": "..."}
//
//	{"hash": "$2a$...", "password": BYTES}
//	  -> {"output": ""} if it is the hash of the password, or {"failed": "verify", "error": "..."}
//
// BYTES is standard base64, because templates and values may be any bytes.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
	"golang.org/x/crypto/bcrypt"
)

const (
	maxOutput = 4 << 20
	// For templates that never end; an RSA key of 4096 bits may take long where much else runs.
	maxTime   = 2 * time.Minute
	maxMemory = 1 << 30
	maxLine   = 64 << 20
)

type request struct {
	Functions bool              `json:"functions"`
	Name      string            `json:"name"`
	Template  []byte            `json:"template"`
	Data      map[string][]byte `json:"data"`
	Verify    *chain            `json:"verify"`
	Hash      string            `json:"hash"`
	Password  []byte            `json:"password"`
}

// chain is a certificate with its key and the authority that vouches for it, as PEM texts.
type chain struct {
	Authority   string `json:"authority"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

type answer struct {
	Functions map[string]string `json:"functions,omitempty"`
	Output    []byte            `json:"output,omitempty"`
	Failed    string            `json:"failed,omitempty"`
	Error     string            `json:"error,omitempty"`
}

var errSize = errors.New("the output is too long")

// limited keeps a template that never ends from filling the memory.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		return 0, errSize
	}
	return l.Buffer.Write(p)
}

// functions are the ones that upstream's controller offers.
func functions() template.FuncMap {
	all := sprig.GenericFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, name)
	}
	return all
}

func render(funcs template.FuncMap, r request) (result answer) {
	defer func() {
		if p := recover(); p != nil {
			result = answer{Failed: "execute", Error: fmt.Sprint("panic: ", p)}
		}
	}()
	parsed, err := template.New(r.Name).Funcs(funcs).Parse(string(r.Template))
	if err != nil {
		return answer{Failed: "parse", Error: err.Error()}
	}
	data := make(map[string]string, len(r.Data))
	for key, value := range r.Data {
		data[key] = string(value)
	}
	var out limited
	if err := parsed.Execute(&out, data); err != nil {
		if errors.Is(err, errSize) {
			return answer{Failed: "size", Error: err.Error()}
		}
		return answer{Failed: "execute", Error: err.Error()}
	}
	return answer{Output: out.Bytes()}
}

// verify does what a server and its client do with a certificate.
func verify(name string, c chain) (string, error) {
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return "", err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.Authority)) {
		return "", errors.New("the authority cannot be read")
	}
	options := x509.VerifyOptions{Roots: roots, DNSName: name}
	if _, err := leaf.Verify(options); err != nil {
		return "", err
	}
	return fmt.Sprintf("%v %v %v %v %v %v %v %v %v", leaf.Version, leaf.Subject, leaf.Issuer,
		leaf.SignatureAlgorithm, leaf.KeyUsage, leaf.ExtKeyUsage, leaf.IsCA, leaf.DNSNames,
		leaf.IPAddresses), nil
}

func respond(funcs template.FuncMap, r request) answer {
	if r.Functions {
		types := make(map[string]string, len(funcs))
		for name, function := range funcs {
			types[name] = reflect.TypeOf(function).String()
		}
		return answer{Functions: types}
	}
	if r.Verify != nil {
		text, err := verify(r.Name, *r.Verify)
		if err != nil {
			return answer{Failed: "verify", Error: err.Error()}
		}
		return answer{Output: []byte(text)}
	}
	if r.Hash != "" {
		if err := bcrypt.CompareHashAndPassword([]byte(r.Hash), r.Password); err != nil {
			return answer{Failed: "verify", Error: err.Error()}
		}
		return answer{}
	}
	done := make(chan answer, 1)
	go func() { done <- render(funcs, r) }()
	select {
	case result := <-done:
		return result
	case <-time.After(maxTime):
		return answer{Failed: "time", Error: "the template takes too long"}
	}
}

func run() error {
	debug.SetMemoryLimit(maxMemory)
	funcs := functions()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<20), maxLine)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("a request is not JSON: %w", err)
		}
		a := respond(funcs, r)
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		out.Write(append(line, '\n'))
		// An answer is never held back: the next template may end this process.
		if err := out.Flush(); err != nil {
			return err
		}
		if a.Failed == "time" {
			// Nothing stops the goroutine but the end of the process.
			return nil
		}
	}
	return lines.Err()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sprig oracle:", err)
		os.Exit(1)
	}
}
