"""
An S3 server with access control for a test: python s3-server.py FILE...

Puts each file into the bucket "models" under its own name, makes a user and a role who may read the objects that begin with "street", and
prints one line of JSON: its port, the keys of that user, the role, and a session of it. Ends when its standard input does.
"""

import json
import os
import pathlib
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

os.environ.update(AWS_ACCESS_KEY_ID="root", AWS_SECRET_ACCESS_KEY="root", AWS_DEFAULT_REGION="us-east-1")

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"

s3 = boto3.client("s3", endpoint_url=url)
s3.create_bucket(Bucket="models")
for path in map(pathlib.Path, sys.argv[1:]):
    s3.put_object(Bucket="models", Key=path.name, Body=path.read_bytes())

iam = boto3.client("iam", endpoint_url=url)
iam.create_user(UserName="reader")
statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/street*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
role = iam.create_role(RoleName="detector", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
iam.put_role_policy(RoleName="detector", PolicyName="read", PolicyDocument=policy)
key = iam.create_access_key(UserName="reader")["AccessKey"]
session = boto3.client("sts", endpoint_url=url).assume_role(RoleArn=role, RoleSessionName="pod")["Credentials"]

# From now on every request must be signed by a user who may do what it asks for.
check = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", {"content-type": "text/plain"}, method="POST")
urllib.request.urlopen(check).close()
credentials = {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"], "role": role, "session": session}
print(json.dumps({"port": port, **credentials}, default=lambda date: date.strftime("%Y-%m-%dT%H:%M:%SZ")), flush=True)
sys.stdin.read()
