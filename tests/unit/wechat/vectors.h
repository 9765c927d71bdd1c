/* SPDX-License-Identifier: Apache-2.0 */
/* The encrypted vectors of wechat-api 1.7. */
#pragma once

#define VECTOR_KEY   "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define VECTOR_APPID "wxb11529c136998cb6"

static const char vector_a[] =
    "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==";

static const char vector_b[] =
    "rTNFcsut4LfGuAFKEUVVpwcaCOTJzOd9twZdIW910jb3k+iicx2uvhttIZ3Qg9Qgty3BEF2xbOrz6boTfb30dMom"
    "cgrkTqdFPwnhqbk+kIQ7rZiwny9D7NUrTgA5kpX3KsZvrXzUZyP2x9YOlxbgm572lmxKvM7HAQQhIQ/p6HBmoY30"
    "bGXFK0BtIu1pW9TjhOYrLQoU18nWYjWqDA1ynkmOytpv7QRI1P1+0NoxL0q2zO1DgeSvnE8CZGo/o5Ap/WHK5W2R"
    "AsinpzN4/LjPnmB6U01I5XCoJoC0GK/yMZycd2Oh8Nq6+wBkC1U85oy0ktOY4nLvsQMLrourmMGdZHuTbqpeJ8Ao"
    "/5PRYJ+WBvRUwPfGKBL2+2IKZF49vAJqkcGWSHGE76ZN2erXeuNazf/o9o3lIE3q739o4c8t9QGPe31GT2Go/rOz"
    "1BsrASwvauNulCh+++yz+CQzBIuikA==";

static const char vector_b_message[] =
    "<xml><URL><![CDATA[http://wechat.laravel.so/server]]></URL><ToUserName><![CDATA[asdasdas"
    "d]]></ToUserName><FromUserName><![CDATA[asdasdasdsadasd]]></FromUserName><CreateTime>123"
    "4567898</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Conte"
    "nt><MsgId>12345</MsgId></xml>";

static const char vector_c[] =
    "gsKjKVChgrDDifoOdfrL/MWujrKxnSR1jBopv0zEdHFQXcx5I0bf4UxIRjektLHEziRxpU5zTw0s+gYF3WOFjkIn"
    "30gzQl9XNKr2A+DCHVG05I2EcbOnnAR5EYgjGLAipra5nOfCPPIRFQTZ7SdanniXX73YOiCAKJlNH21+PApcYu4r"
    "PXxJ4eTXbBLwmfnSl7iojDX1LQIcC3FYmaapMQq/u+sJGsxshp4dLXJ6A5Ji3cSYAzXRVIxbNlHN1MWfdcZ0O5+Z"
    "tOU6dZiD8hJ4kkxh05EfOedWFjUy7ZhmXgrpZ4WpYPsrythXHE2Bg1Ohz8uf5h5X31yuU/3FPoa8rD21pfZnAjBT"
    "1QCkn6MxtL5lR+yoQReLwElVbtB6yJFPIZ+n9Qh/yKfIasxkzgIEo0pwPEbS17WCTyvRItJtU6tlo3rawJX+fsV6"
    "3tKIfmLZjyZPDlV9/ka/nA/DT0KODw==";

static const char vector_c_message[] =
    "<xml><ToUserName><![CDATA[gh_b1eb3f8bd6c6]]></ToUserName>\n"
    "<FromUserName><![CDATA[okPEat9FRX96xG8JQvTxHLpzDV64]]></FromUserName>\n"
    "<CreateTime>1458889120</CreateTime>\n"
    "<MsgType><![CDATA[text]]></MsgType>\n"
    "<Content><![CDATA[test text message]]></Content>\n"
    "<MsgId>6265881059295447969</MsgId>\n"
    "</xml>";

static const char vector_d[] =
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3Qczc"
    "dCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLj"
    "vd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMn"
    "vw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k"
    "22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2Yoy"
    "yH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==";

static const char vector_e[] =
    "Q3stYC6hdFzMh9T8HCvyDOyNEQjRCoofhHdWHXRcTUkudSLr7nRf3uaLA0mTmRnEjznt2LskmfeppETL+ocdyMTZ"
    "CmJHK6XjPbSvAsq3K0s0FOk/7palENKC91CnJS+9FBavXMbzmCqL93ifzt6o/OWT5QIQ6sex4J5R9rnlCgZbm2tF"
    "/4idWtIe+XsFsh6BfvOMC69SGIJRwmAKuTd2WY8sGu7UAsG2xLzsHLOcba6ZIAe+MVriSQnMEQX/OMMR9rzUpuwA"
    "dblXpsw7vmXR7rdZ7sAdzmh6YUkHb5ZTZK2vgFXxU/2ocFliTxjr1Ri/euq591p2SAY4qUX+TUrSn7mznEhmwPBQ"
    "5IBUuaEVUqgHdo38XOdkE913EXKSQw9/w56Eb2NugKapxMrWfGT8tXfrba1pHz9bFvQ/9af9RftUdPJlo8VEgi78"
    "laABIj8cNNYCc7iCX+bS3vXi0fgiKBdeYemNZJugjOPErbRmcrYTM0BNsSiIRHe7qnxxv7zo0P6HnaPnIVf+qUXj"
    "DfPsSLW8n6Gv8X7QnxRRuvZDBTE=";

static const char vector_e_message[] =
    "<xml><ToUserName><![CDATA[gh_3fcea188bf78]]></ToUserName><FromUserName><![CDATA[obLatjla"
    "NQKb8FqOvt1M1x1lIBFE]]></FromUserName><CreateTime>1432668700</CreateTime><MsgType><![CDA"
    "TA[event]]></MsgType><Event><![CDATA[submit_membercard_user_info]]></Event><CardId><![CD"
    "ATA[pbLatjtZ7v1BG_ZnTjbW85GYc_E8]]></CardId><UserCardCode><![CDATA[018255396048]]></User"
    "CardCode></xml>";

static const char vector_f[] =
    "Q3stYC6hdFzMh9T8HCvyDM02WZZrU2bL//SKQ3ixyKiDKy9wmeaxONUVOE0cPRkHUcp1j2Vj9XNVUNGSRVH4XjrO"
    "Xb5Gx8A36DIi+TJz0ZY2enZPcrcclhWMj3wLUAYS";
