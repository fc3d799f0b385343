// A server or caller by grpc-go in its default settings, which echoes a stream. What it does: see silence_test.js.
//
//	go_peer server
//	go_peer caller ADDRESS silent|pinging|idle
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/golang/protobuf/ptypes/wrappers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const method = "/sallyport.benchmark.Echo/Stream"

var streaming = grpc.StreamDesc{StreamName: "Stream", ServerStreams: true, ClientStreams: true}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	echo := func(_ interface{}, stream grpc.ServerStream) error {
		for {
			var message wrappers.BytesValue
			if err := stream.RecvMsg(&message); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}
	fmt.Println("listening on", listener.Addr())
	return grpc.NewServer(grpc.UnknownServiceHandler(echo)).Serve(listener)
}

func ask(stream grpc.ClientStream) error {
	sent := &wrappers.BytesValue{Value: []byte("a")}
	if err := stream.SendMsg(sent); err != nil {
		return err
	}
	var answer wrappers.BytesValue
	if err := stream.RecvMsg(&answer); err != nil {
		return err
	}
	if !bytes.Equal(answer.Value, sent.Value) {
		return fmt.Errorf("not an answer: %q", answer.Value)
	}
	return nil
}

func end(stream grpc.ClientStream) error {
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := stream.RecvMsg(new(wrappers.BytesValue)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream is not at its end: %v", err)
	}
	return nil
}

func call(address, kind string) error {
	options := []grpc.DialOption{grpc.WithInsecure()}
	if kind != "silent" {
		options = append(options, grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: kind == "idle"}))
	}
	connection, err := grpc.Dial(address, options...)
	if err != nil {
		return err
	}
	defer connection.Close()
	open := func() (grpc.ClientStream, error) {
		stream, err := connection.NewStream(context.Background(), &streaming, method)
		if err != nil {
			return nil, err
		}
		return stream, ask(stream)
	}
	stream, err := open()
	if err != nil {
		return err
	}
	if kind == "idle" {
		if err := end(stream); err != nil {
			return err
		}
	}
	fmt.Println("open")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	if kind == "idle" {
		stream, err = open()
	} else {
		err = ask(stream)
	}
	if err != nil {
		return err
	}
	if err := end(stream); err != nil {
		return err
	}
	fmt.Println("answered")
	return nil
}

func main() {
	var err error
	if os.Args[1] == "server" {
		err = serve()
	} else {
		err = call(os.Args[2], os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
}
