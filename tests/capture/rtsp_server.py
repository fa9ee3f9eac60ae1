"""An RTSP camera for the tests, run by Debian's own python3 (which has GStreamer's bindings).

Writes the port it listens at to stdout. `--user NAME --password WORD` asks for them. `--pictures PATTERN` shows JPEG
files (as "folder/%03d.jpg") again and again, 15 a second, instead of a test picture.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

arguments = argparse.ArgumentParser()
arguments.add_argument("--user")
arguments.add_argument("--password")
arguments.add_argument("--port", default="0")
arguments.add_argument("--pictures")
options = arguments.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(options.port)
factory = GstRtspServer.RTSPMediaFactory()
source = "videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=320,height=240,framerate=25/1"
if options.pictures:
    source = (
        f"multifilesrc location={options.pictures} loop=true caps=image/jpeg,framerate=15/1 ! jpegdec ! videoconvert "
        "! video/x-raw,format=I420"
    )
factory.set_launch(f"( {source} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )")
factory.set_shared(True)
if options.user:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
sys.stdout.write(f"{server.get_bound_port()}\n")
sys.stdout.flush()
GLib.MainLoop().run()
